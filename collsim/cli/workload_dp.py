"""`collsim workload dp`: schemes of data-parallel training against each other, by simulation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.names import complete_algorithm
from collsim.cli.options import at_option, engine_option, network_options, seed_option, sized_machine_options
from collsim.cli.progress import MessageBar, progress, stopped_after
from collsim.cli.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collsim.sweep.data_parallel import Place, Study

__all__ = ["dp"]

SCHEMES = "ssgd, ssgd-overlap, dcs3gd, pipe-sgd, od-sgd, eager-sgd, asgd, local-sgd; several with commas, or all"

READ_BY = {"bucket": "ssgd-overlap", "local_steps": "local-sgd", "delay": "local-sgd", "servers": "asgd"}
"""The scheme that reads an option which is for one alone."""


def _schemes(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from collsim.workloads.data_parallel import SCHEMES

    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in [*SCHEMES, "all"] if name.startswith(last)]


def _models(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from collsim.workloads.layers import NETWORKS

    return [name for name in NETWORKS if name.startswith(incomplete)]


def _accelerators(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from collsim.workloads.accelerators.accelerator import ACCELERATORS

    return [name for name in ACCELERATORS if name.startswith(incomplete)]


@click.command()
@click.option(
    "--model", default="resnet50", show_default=True, metavar="M", shell_complete=_models, help="Network to train."
)
@click.option("--ranks", default="64", show_default=True, metavar="N", help="Ranks; several with commas, like 8,16,32,64.")
@click.option(
    "--scheme", default="all", show_default=True, metavar="S", shell_complete=_schemes, help=f"What to compare: {SCHEMES}."
)
@sized_machine_options
@click.option(
    "--algo",
    default="ring",
    show_default=True,
    metavar="A",
    shell_complete=complete_algorithm,
    help="Algorithm of the all-reduce, with options after a colon (see 'collsim algo list').",
)
@click.option("--iterations", default=20, show_default=True, metavar="K", help="Iterations to run.")
@click.option("--warmup", type=int, metavar="K", help="Iterations left out of the measurement. [2, or all but one]")
@click.option(
    "--accelerator", default="a100", show_default=True, metavar="A", shell_complete=_accelerators, help="What computes."
)
@click.option("--batch", type=int, metavar="B", help="Samples of a mini-batch a rank. [64]")
@click.option("--global-batch", type=int, metavar="B", help="Samples of all ranks together, instead of --batch.")
@click.option("--gradient", default="fp32", show_default=True, metavar="T", help="Gradients on the wire: fp32 or bf16.")
@click.option("--compute-time", metavar="TIME", help="T_c, forward and backward, instead of model and accelerator.")
@click.option("--update-time", metavar="TIME", help="T_u instead of --streams.")
@click.option("--payload", metavar="SIZE", help="Bytes of all gradients instead of the model's.")
@click.option("--streams", default=9, show_default=True, metavar="N", help="Model-sized memory streams of an update.")
@click.option("--memory-bandwidth", metavar="RATE", help="Of the update, instead of what the accelerator reaches.")
@click.option(
    "--bucket", default="25MiB", show_default=True, metavar="SIZE", help="ssgd-overlap: a bucket is full from here."
)
@click.option("--eta", default="1", show_default=True, metavar="F", help="Overlap efficiency: 0 progresses in calls alone.")
@click.option("--jitter", default=0.0, show_default=True, metavar="CV", help="Coefficient of variation of computing times.")
@click.option(
    "--jitter-distribution",
    default="lognormal",
    show_default=True,
    metavar="D",
    help="lognormal, gamma, exponential (shifted) or uniform.",
)
@click.option("--straggler", multiple=True, metavar="R:F", help="Rank R computes F times as long: 3:1.5. Repeat for more.")
@click.option("--late", multiple=True, metavar="R:K:TIME", help="Rank R is late once, in iteration K: 3:10:5ms.")
@click.option("--local-steps", default=4, show_default=True, metavar="H", help="local-sgd: steps between two averages.")
@click.option(
    "--delay", default=0, show_default=True, metavar="D", help="local-sgd: steps by which an average is used late."
)
@click.option("--servers", default=1, show_default=True, metavar="N", help="asgd: parameter servers, equal parts each.")
@click.option("--rendezvous", is_flag=True, help="All-reduces begin when the last rank is there and end everywhere at once.")
@at_option
@engine_option
@network_options
@seed_option
@click.option("--plot", "plot_path", metavar="FILE", help="Draw timelines, or scaling where there are several --ranks.")
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a scheme; '-' prints it instead of the report.")
@click.option("--json", "json_path", metavar="FILE", help="Write the result as JSON; '-' prints it instead of the report.")
@click.option(
    "--trace", "trace_path", metavar="FILE", help="Write a trace of one scheme, for https://ui.perfetto.dev (.json)."
)
def dp(ranks: str, scheme: str, topo: str | None, algo: str, **options: Any) -> int:
    """Compare schemes of data-parallel training: synchronous, stale-synchronous, asynchronous, local.

    T_c is forward and backward, T_ar the all-reduce alone, T_u the update. All schemes see the same noise. Efficiency is
    the share of their time in which ranks compute and update. After Ctrl-C what is done is printed and
    written (exit code 130).

    \b
    Examples:
      collsim workload dp --model resnet50 --ranks 64 --scheme all
      collsim workload dp --ranks 8,16,32,64 --topo torus --scheme ssgd,dcs3gd
      collsim workload dp --ranks 16 --scheme ssgd,dcs3gd --jitter 0.1 --straggler 3:1.5 --plot out.png
      collsim workload dp --ranks 8 --scheme ssgd-overlap --iterations 2 --trace trace.json
      collsim workload dp --ranks 16 --scheme local-sgd --local-steps 8 --delay 2 --eta 0.5
    """
    from collsim.crossings import Recorder
    from collsim.errors import InvalidValue, RunError
    from collsim.sweep.data_parallel import collect, parse_schemes, place, runs
    from collsim.sweep.data_parallel_job import job_of

    names = parse_schemes(scheme)
    _check_read(names)
    job, paths = job_of(options), _paths(options)
    counts = _ranks(ranks)
    if paths["trace"] and not len(names) == len(counts) == 1:
        raise InvalidValue("A trace is of one scheme on one number of ranks; name them, like --scheme dcs3gd --ranks 16.")
    settings = settings_of(options)
    places = [place(job, count, topo, algo, names, **settings) for count in counts]
    done: list[Any] = []
    stopped: BaseException | None = None
    with progress(f"{len(names)} schemes of {job.step.model}") as show:

        def watch(name: str) -> list[object]:
            kept = [Recorder()] if paths["trace"] else []
            return [MessageBar(show, f"{name}, messages"), *kept]

        try:
            for run in runs(places, names, watch):
                done.append(run)
        except (KeyboardInterrupt, RunError) as why:
            stopped = why
    study = collect(done, names)
    if stopped is not None and not study.runs:
        raise stopped
    _write(study, places, paths)
    return stopped_after(stopped, "schemes")


def _check_read(names: Sequence[str]) -> None:
    """Raise InvalidValue for an option that was given though another or none of the schemes `names` decides."""
    from collsim.errors import InvalidValue
    from collsim.sweep.data_parallel_job import check_update

    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    check_update(given)
    for option, reader in READ_BY.items():
        if reader not in names and option in given:
            raise InvalidValue(
                f"--{option.replace('_', '-')} is for {reader}, which is not among {', '.join(names)}; add it to "
                "--scheme or leave the option out."
            )


def _ranks(text: str) -> list[int]:
    from collsim.errors import InvalidValue
    from collsim.units import parse_count

    counts = [parse_count(part.strip(), "number of ranks", 2) for part in text.split(",") if part.strip()]
    if not counts:
        raise InvalidValue(f"There is no number of ranks in '{text}'; write them like 64 or 8,16,32,64.")
    return list(dict.fromkeys(counts))


def _paths(options: dict[str, Any]) -> dict[str, str | None]:
    """Take the output files from the options, each of them writable. Raises OutputError and InvalidValue."""
    from collsim.errors import InvalidValue
    from collsim.report.output import check_drawable, check_writable

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "csv", "json", "trace")}
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind in ("plot", "trace")):
            (check_drawable if kind == "plot" else check_writable)(path)
    return paths


def _write(study: Study, places: Sequence[Place], paths: dict[str, str | None]) -> None:
    from collsim.report.output import to_json, write_file, write_text

    frame = study.frame() if paths["csv"] else None
    if paths["json"] == "-":
        click.echo(to_json(study.to_dict()), nl=False)
    elif paths["csv"] == "-" and frame is not None:
        click.echo(frame.to_csv(index=False), nl=False)
    else:
        _print(study, places)
    if paths["json"] not in (None, "-"):
        write_text(str(paths["json"]), to_json(study.to_dict()))
    if paths["csv"] not in (None, "-") and frame is not None:
        write_file(str(paths["csv"]), lambda temporary: frame.to_csv(temporary, index=False))
    if paths["plot"]:
        study.plot(paths["plot"])
    if paths["trace"] and study.runs[0].traced is not None:
        for sentence in study.runs[0].traced.write(paths["trace"], scheme=study.runs[0].scheme.name):
            click.echo(f"Note: {sentence}", err=True)


def _print(study: Study, places: Sequence[Place]) -> None:
    from collsim.cli.workload_dp_rows import head_rows, tail_rows
    from collsim.report.table import print_columns, print_rows
    from collsim.sweep.data_parallel_table import HEADS, scheme_row

    for where in places:
        own = [run for run in study.runs if run.place is where]
        if own:
            print_rows(head_rows(where, own), sys.stdout)
            click.echo()
            print_columns(HEADS, [scheme_row(run, study.baselines.get(run.ranks)) for run in own], sys.stdout)
            click.echo()
    print_rows(tail_rows(study), sys.stdout)
