"""`collsim workload tp`: tensor parallelism with every channel or a share of them summed, in training and inference."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.names import complete_algorithm
from collsim.cli.options import at_option, engine_option, machine_options, network_options, seed_option
from collsim.cli.progress import MessageBar, progress, stopped_after
from collsim.cli.settings import settings_of
from collsim.cli.workload_tp_rows import head_rows, next_words, tail_rows

if TYPE_CHECKING:
    from collsim.sweep.tensor_parallel import TensorParallel
    from collsim.sweep.tensor_parallel_study import Study
    from collsim.workloads.tensor_parallel import Scheme

__all__ = ["tp"]

PATIENCE_S = 30


def _models(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from collsim.workloads.transformers.shape import TRANSFORMERS

    return [name for name in TRANSFORMERS if name.startswith(incomplete)]


def _accelerators(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from collsim.workloads.accelerators.roofline import rooflines

    return [name for name in rooflines() if name.startswith(incomplete)]


@click.command()
@machine_options
@click.option("--model", required=True, metavar="M", shell_complete=_models, help="Transformer: a name or a YAML file.")
@click.option(
    "--tp", "degree", type=int, default=8, show_default=True, metavar="S", help="Ranks of a tensor-parallel group."
)
@click.option("--dp", type=int, default=1, show_default=True, metavar="R", help="Groups side by side, all at the same time.")
@click.option(
    "--p", "shares", default="1,0.75,0.5,0.25", show_default=True, metavar="P,...", help="Shares of channels summed."
)
@click.option("--mode", default="train", show_default=True, metavar="MODE", help="train, prefill or decode.")
@click.option(
    "--batch", type=int, metavar="N", help="Sequences of a group at once. [the model's micro-batch; 1 if inference]"
)
@click.option(
    "--sequence", type=int, metavar="N", help="Tokens of a sequence or prompt, or behind a decoded one. [the model's]"
)
@click.option(
    "--micro-batches", type=int, metavar="K", help="Micro-batches of a group in a step. [the model's global batch]"
)
@click.option("--accelerator", metavar="A", shell_complete=_accelerators, help="Device that computes. [that of the machine]")
@click.option(
    "--scheme", default="caatnet", show_default=True, metavar="S", help="caatnet, or megatron with options (p = 1)."
)
@click.option(
    "--forward-wire", default="bf16", show_default=True, metavar="W", help="Numbers of forward all-reduces in blocks."
)
@click.option(
    "--backward-wire", metavar="W", help="The same backward: fp32, bf16, fp8, int8, int6 or int4. [fp32; megatron bf16]"
)
@click.option("--sequence-parallel", is_flag=True, help="Stock Megatron with reduce-scatter and all-gather.")
@click.option("--drop", metavar="L", help="Layers without the all-reduce behind attention: a share, 50%, or a list, 0,4-7.")
@click.option("--ladder", is_flag=True, help="Ladder-Residual: a block does not wait for the all-reduce before it.")
@click.option(
    "--copies",
    default="needed",
    show_default=True,
    metavar="C",
    help="Packing and joining around all-reduces: needed (none at p = 1), always, or none (fused).",
)
@click.option(
    "--algo",
    default="natural",
    show_default=True,
    metavar="A",
    shell_complete=complete_algorithm,
    help="Algorithm, auto (the fastest at each size), or natural: direct where all pairs are alike, else auto.",
)
@click.option(
    "--placement", default="linear", show_default=True, metavar="P", help="Host of each rank: linear, random:SEED or a file."
)
@at_option
@engine_option
@network_options
@seed_option
@click.option(
    "--plot", "plot_path", metavar="FILE", help="Draw speedup over p and where the time goes (.png, .svg or .pdf)."
)
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a scheme; '-' prints it instead of the report.")
@click.option("--json", "json_path", metavar="FILE", help="Write the result as JSON; '-' prints it instead of the report.")
@click.option(
    "--plot-time",
    "plot_time_path",
    metavar="FILE",
    help="Draw ranks by time over the first layers, a panel a share (.png, .svg or .pdf).",
)
@click.option(
    "--trace",
    "trace_path",
    metavar="FILE",
    help="Write a trace of one share's micro-batch or pass, for https://ui.perfetto.dev (.json).",
)
@click.pass_context
def tp(ctx: click.Context, /, **options: Any) -> int:
    """Time a training step, a prompt or a token under tensor parallelism that sums a share p of the channels (CAAT-Net).

    Every p is held beside two baselines: stock Megatron, which sums all channels in bf16, and its own p = 1, which sends
    gradients in fp32. The law is 1 / (1 - f (1 - p)), f the share of the time that goes with the bytes of the blocks'
    all-reduces. Each collective is simulated, proved and bounded; computing is a roofline. After Ctrl-C the shares done so
    far are printed and written (exit code 130).

    \b
    Examples:
      collsim workload tp --model llama2-7b --tp 8 --topo gaudi3 --p 1,0.75,0.5,0.25 --mode train
      collsim workload tp --model llama2-70b --topo hgx-h100 --mode prefill --sequence 4096 --plot out.png
      collsim workload tp --model llama2-70b --topo hgx-h100 --mode decode --batch 16 --scheme megatron --ladder
      collsim workload tp --model caatnet-7b --topo gaudi3 --backward-wire bf16 --copies none
      collsim workload tp --model caatnet-130m --topo gaudi3 --p 0.5 --trace trace.json
    """
    from collsim.errors import InvalidValue, RunError
    from collsim.report.trace import check_traceable
    from collsim.sweep.tensor_parallel_setting import scheme_of, setting
    from collsim.sweep.tensor_parallel_study import Study, baselines, parse_shares, runs

    paths = _paths(options)
    shares = (1.0,) if options["scheme"] == "megatron" and _is_default(ctx, "shares") else parse_shares(options["shares"])
    if paths["trace"] and len(shares) > 1:
        raise InvalidValue("A trace is of one share of the channels; name it, like --p 0.5.")
    named = {name: options[name] for name in ("dp", "mode", "batch", "sequence", "micro_batches", "accelerator")}
    at = setting(
        options["topo"], options["model"], tp=options["degree"], algorithm=options["algo"], **named, **settings_of(options)
    )
    done: list[Any] = []
    stopped: BaseException | None = None
    with progress(f"{at.shape.name} on {at.plans.cases[0].topology.name}") as show:
        scheme = scheme_of(options, at.shape.layers)
        if paths["trace"]:
            check_traceable(at.shortest(replace(scheme, p=shares[0])).program.messages)
        _warn_if_long(at.patience(scheme) * (len(shares) + 2), at.plans.cases[0].engine, bool(options["at"]))

        def watch(one: Scheme) -> list[object]:
            return [MessageBar(show, f"{one.name} p = {one.p:g}, messages")]

        stock, own, share = baselines(at, scheme, options["sequence_parallel"], watch)
        try:
            for point in runs(at, scheme, shares, own, watch):
                done.append(point)
        except (KeyboardInterrupt, RunError) as why:
            stopped = why
    if stopped is not None and not done:
        raise stopped
    _write(ctx, Study(at, options["mode"], stock, own, share, tuple(done)), paths)
    if paths["trace"] and stopped is None:
        _trace(at, replace(scheme, p=shares[0]), options["mode"], paths["trace"])
    return stopped_after(stopped, "shares")


def _warn_if_long(seconds: float, engine: str, changes: bool = False) -> None:
    if seconds > PATIENCE_S:
        wait = f"{seconds / 60:,.0f} minutes" if seconds > 120 else f"{seconds:.0f} seconds"
        quicker = (
            f"{'' if changes else '--engine analytic or '}a larger packet_payload (--set packet_payload=64KiB) is quicker"
        )
        click.echo(f"Note: this takes some {wait} with the {engine} engine, packet by packet; {quicker}.", err=True)


def _paths(options: dict[str, Any]) -> dict[str, str | None]:
    """Take the output files from the options, each of them writable. Raises OutputError and InvalidValue."""
    from collsim.errors import InvalidValue
    from collsim.report.output import check_drawable, check_writable

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "plot_time", "csv", "json", "trace")}
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind not in ("csv", "json")):
            (check_drawable if kind.startswith("plot") else check_writable)(path)
    return paths


def _trace(at: TensorParallel, scheme: Scheme, mode: str, path: str) -> None:
    """Write the trace of one micro-batch or pass, and say on stderr what it leaves out."""
    with progress("a run for the trace") as show:
        traced = at.traced(scheme, [MessageBar(show, "messages")])
    for sentence in traced.write(path, model=at.shape.name, mode=mode, scheme=scheme.name, p=scheme.p):
        click.echo(f"Note: {sentence}", err=True)


def _is_default(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is click.core.ParameterSource.DEFAULT


def _write(ctx: click.Context, study: Study, paths: dict[str, str | None]) -> None:
    from collsim.report.output import to_json, write_file, write_text
    from collsim.report.table import print_columns, print_rows
    from collsim.sweep.tensor_parallel_table import table

    text = to_json(study.to_dict())
    if paths["json"] == "-":
        click.echo(text, nl=False)
    elif paths["csv"] == "-":
        click.echo(study.frame().to_csv(index=False), nl=False)
    else:
        print_rows(head_rows(study), sys.stdout)
        click.echo()
        print_columns(*table(study), sys.stdout, left=1)
        click.echo()
        print_rows([*tail_rows(study), ("Try next", _command(ctx, next_words(study)))], sys.stdout)
    if paths["json"] not in (None, "-"):
        write_text(paths["json"], text)
    if paths["csv"] not in (None, "-"):
        frame = study.frame()
        write_file(paths["csv"], lambda temporary: frame.to_csv(temporary, index=False))
    if paths["plot"]:
        study.plot(paths["plot"])
    if paths["plot_time"]:
        study.plot_time(paths["plot_time"])


def _command(ctx: click.Context, changes: dict[str, str]) -> str:
    """Return this command with some options changed and without its files."""
    words = ["collsim", "workload", "tp"]
    for option in ctx.command.params:
        name, value = str(option.name), ctx.params[str(option.name)]
        if name in changes or name.endswith("_path") or _is_default(ctx, name):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            words += [option.opts[0]] if one is True else [option.opts[0], str(one)]
    for name, value in changes.items():
        words += [next(option.opts[0] for option in ctx.command.params if option.name == name), value]
    return shlex.join(words)
