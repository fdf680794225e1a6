"""`collsim workload jobs`: several jobs on one machine, together and each alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import at_option, engine_option, machine_options, network_options, seed_option
from collsim.cli.progress import MessageBar, progress, stopped_after
from collsim.cli.settings import settings_of

if TYPE_CHECKING:
    from collsim.report.describe import Rows
    from collsim.simulate import Case
    from collsim.sweep.jobs import JobRun

__all__ = ["jobs_command"]

ALL = ("packed", "spread", "random:0")
MOST_LINKS = 3


@click.command("jobs")
@machine_options
@click.option(
    "--job",
    "jobs",
    multiple=True,
    required=True,
    metavar="A:RANKS:SIZE",
    help="A job: algorithm, ranks and bytes, and behind them what else there is, like "
    "ring:16:16MiB:calls=4:compute=200us:start=1ms:collective=all-gather:name=train. Repeat for more.",
)
@click.option(
    "--placement",
    default="all",
    show_default=True,
    metavar="P",
    help="Where jobs run: packed (side by side), spread (dealt over the hosts), random:SEED, a list of these, or all.",
)
@click.option(
    "--slow", multiple=True, metavar="HOST=F", help="Let a host compute F times as long, like 3=2. Repeat for more."
)
@click.option("--speeds", metavar="FILE", help="File of such factors: a host and a factor a line.")
@at_option
@network_options
@engine_option
@seed_option
@click.option("--plot", "plot_path", metavar="FILE", help="Draw the slowdowns (.png, .svg or .pdf).")
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a placement and job; '-' prints it instead.")
@click.option("--json", "json_path", metavar="FILE", help="Write the result as JSON; '-' prints it instead of the report.")
@click.option(
    "--trace", "trace_path", metavar="FILE", help="Write a trace of one placement, for https://ui.perfetto.dev (.json)."
)
def jobs_command(topo: str, jobs: tuple[str, ...], placement: str, **options: Any) -> int:
    """Run several jobs on one machine, and each of them alone, and say how much slower sharing makes them.

    Each job has hosts of its own. It repeats its collective (calls=N) and computes between the calls (compute=TIME). The
    slowdown is its time with the others over its time alone on the same hosts; links that change (--at) and slow hosts
    (--slow) are the same in both. After Ctrl-C the placements done so far are printed and written (exit code 130).

    \b
    Examples:
      collsim workload jobs --topo torus8x8 --job ring:16:4MiB --job multitree:16:4MiB --placement all
      collsim workload jobs --topo fattree4 --job ring:8:1MiB --job ring:8:1MiB --placement spread --set routing=ecmp
      collsim workload jobs --topo dragonfly2x4x2 --job direct:16:1MiB:collective=all-to-all --job ring:16:4MiB:calls=3
      collsim workload jobs --topo torus4x4 --job ring:8:64KiB --job ring:8:64KiB --placement spread --trace trace.json
    """
    from collsim.crossings import Recorder
    from collsim.errors import InvalidValue, RunError
    from collsim.report.output import check_drawable, check_writable
    from collsim.simulate import prepare
    from collsim.sweep.jobs import ALL_JOBS, JobRun, runs
    from collsim.workloads.jobs import parse_jobs, place_jobs
    from collsim.workloads.speeds import parse_speeds

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "csv", "json", "trace")}
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind in ("plot", "trace")):
            (check_drawable if kind == "plot" else check_writable)(path)
    wanted = parse_jobs(jobs)
    case = prepare(topo, **settings_of(options))
    speeds = parse_speeds(case.topology.names[: case.topology.hosts], options["slow"], options["speeds"])
    placements = ALL if placement == "all" else tuple(word.strip() for word in placement.split(","))
    if paths["trace"] and len(placements) > 1:
        raise InvalidValue("A trace is of one placement; name it, like --placement packed.")
    for one in placements:
        place_jobs(wanted, case.topology.hosts, one)
    done: list[Any] = []
    stopped: BaseException | None = None
    with progress(f"jobs on {case.topology.name}") as show:
        try:
            kept = [Recorder()] if paths["trace"] else []

            def watch(text: str) -> list[object]:
                return [MessageBar(show, text), *(kept if ALL_JOBS in text else ())]

            for mix in runs(case, wanted, speeds, placements, watch):
                done.append(mix)
        except (KeyboardInterrupt, RunError) as why:
            stopped = why
    if stopped is not None and not done:
        raise stopped
    _write(JobRun(case, wanted, speeds, tuple(done)), paths)
    return stopped_after(stopped, "placements")


def _write(run: JobRun, paths: dict[str, str | None]) -> None:
    from collsim.report.output import to_json, write_file, write_text

    text, frame = to_json(run.to_dict()), run.frame() if paths["csv"] else None
    if paths["json"] == "-":
        click.echo(text, nl=False)
    elif paths["csv"] == "-" and frame is not None:
        click.echo(frame.to_csv(index=False), nl=False)
    else:
        _print(run)
    if paths["json"] not in (None, "-"):
        write_text(str(paths["json"]), text)
    if paths["csv"] not in (None, "-") and frame is not None:
        write_file(str(paths["csv"]), lambda temporary: frame.to_csv(temporary, index=False))
    if paths["plot"]:
        run.plot(paths["plot"])
    if paths["trace"] and run.mixes[0].traced is not None:
        for sentence in run.mixes[0].traced.write(paths["trace"], placement=run.mixes[0].placement):
            click.echo(f"Note: {sentence}", err=True)


def _print(run: JobRun) -> None:
    from collsim.report.table import print_columns, print_rows
    from collsim.units import format_size, format_time

    t, rows = run.case.topology, []
    for mix in run.mixes:
        for s in mix.shares:
            met = f"{t.link_name(s.link)} ({' '.join(s.there)})" if s.link >= 0 else "nobody"
            what = [mix.placement, s.job.name, s.job.algorithm, str(s.job.ranks), format_size(s.job.size)]
            times = [format_time(s.bound), format_time(s.alone), format_time(s.together), f"{s.slowdown:.3f}"]
            rows.append([*what, *times, f"{s.shared} of {s.links}", met])
    heads = ["placement", "job", "algorithm", "ranks", "size", "a call's bound", "alone", "together", "slowdown"]
    print_rows(_head(run), sys.stdout)
    click.echo()
    print_columns([*heads, "links shared", "meets on"], rows, sys.stdout, left=3)
    click.echo()
    print_rows(_tail(run), sys.stdout)


def _head(run: JobRun) -> Rows:
    from collsim.network.link_changes import describe_changes
    from collsim.report.describe import machine_text
    from collsim.units import format_time

    t, rows = run.case.topology, []
    for job in run.jobs:
        extra = [f"starts at {format_time(job.start)}"] if job.start else []
        extra += [f"computes {format_time(job.compute)} between"] if job.compute else []
        times = f"{job.calls} calls of {job.collective}" if job.calls > 1 else f"one {job.collective}"
        rows.append((f"Job {job.name}", ", ".join([f"{times} by {job.algorithm}", *extra])))
    if not run.speeds.equal:
        rows.append(("Slow hosts", run.speeds.describe(t.names)))
    if run.case.changes:
        rows.append(("Links change", "; ".join(describe_changes(t, run.case.changes))))
    return [("Machine", machine_text(t)), *rows]


def _tail(run: JobRun) -> Rows:
    from collsim.simulate import unknown_to_engine
    from collsim.units import format_size

    t, rows = run.case.topology, []
    for mix in run.mixes:
        for m in mix.meetings[:MOST_LINKS]:
            loads = ", ".join(f"{name} {format_size(amount)}" for name, amount in m.bytes_of.items())
            rows.append((f"Shared, {mix.placement}", f"{t.link_name(m.link)}: {loads}; busy {100 * m.use:.1f} % of the run"))
        if not mix.meetings:
            rows.append((f"Shared, {mix.placement}", "no link: the jobs never meet"))
    for mix in run.mixes:
        late = [
            f"{s.job.name} {s.alone / s.full_speed:.3f}x" for s in mix.shares if s.full_speed and s.alone != s.full_speed
        ]
        if late:
            rows.append((f"Slow hosts, {mix.placement}", f"alone they cost {', '.join(late)}"))
    wall, hops = sum(mix.wall for mix in run.mixes), sum(mix.packet_hops for mix in run.mixes)
    return [
        *rows,
        ("Settings", ", ".join(run.case.network.describe_changes()) or "all at their defaults"),
        ("Simulated", f"{run.case.engine} engine, {hops:,} packet-hops in {wall:.2g} s"),
        *(("Note", text) for text in unknown_to_engine(run.case.engine, run.case.network, t)),
        ("Try next", _next(run)),
    ]


def _next(run: JobRun) -> str:
    import shlex

    case: Case = run.case
    worst = max((s for mix in run.mixes for s in mix.shares), key=lambda s: s.slowdown)
    if worst.slowdown <= 1:
        return shlex.join(
            ["collsim", "compare", *case.request, "--algos", ",".join(dict.fromkeys(j.algorithm for j in run.jobs))]
        )
    words = [word for job in run.jobs for word in ("--job", job.text)]
    routing = "least-queued" if case.network.router.routing != "least-queued" else "auto"
    return shlex.join(
        ["collsim", "workload", "jobs", *case.request, *words, "--placement", "all", "--set", f"routing={routing}"]
    )
