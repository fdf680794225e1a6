"""`collsim traffic`: random traffic for ever instead of a collective, to see where a network saturates."""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import engine_option, machine_options, network_options, seed_option
from collsim.cli.progress import MessageBar, progress, stopped_after
from collsim.cli.settings import parse_settings, settings_of
from collsim.cli.traffic_rows import (
    batch_rows,
    bound_rows,
    head_rows,
    note_rows,
    phase_rows,
    point_rows,
    saturation_text,
    tail_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collsim.sweep.traffic import Curve
    from collsim.workloads.open_loop import TrafficCase

__all__ = ["traffic"]

PATTERNS = "uniform, neighbor, tornado, transpose, permutation or adversarial (dragonfly)"


def _patterns(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from collsim.workloads.traffic_patterns import PATTERNS

    return [name for name in PATTERNS if name.startswith(incomplete)]


@click.command()
@machine_options
@click.option(
    "--pattern",
    default="uniform",
    show_default=True,
    metavar="P",
    shell_complete=_patterns,
    help=f"Who sends to whom: {PATTERNS}.",
)
@click.option("--load", metavar="F", help="Offered load in flits a cycle and sending host, above 0 up to 1: 0.3.")
@click.option("--loads", metavar="LOADS", help="Several loads: LOW:HIGH:STEP or a list, like 0.05:0.9:0.05.")
@click.option(
    "--batch", type=int, metavar="N", help="Instead of a load: N packets a host, all there at once, and the makespan."
)
@click.option("--packet", default=17, show_default=True, metavar="N", help="Flits of a packet, its head included.")
@click.option("--flit", default="16B", show_default=True, metavar="SIZE", help="Bytes of a flit.")
@click.option("--cycle", metavar="TIME", help="Time of a flit on a link, instead of --bandwidth: 16B in 1ns is 16GB/s.")
@click.option("--warmup", default=5000, show_default=True, metavar="CYCLES", help="Cycles before the measurement.")
@click.option("--measure", default=10000, show_default=True, metavar="CYCLES", help="Cycles whose packets are measured.")
@click.option("--drain", default=5000, show_default=True, metavar="CYCLES", help="Cycles of traffic behind the measurement.")
@engine_option
@network_options
@seed_option
@click.option("--plot", "plot_path", metavar="FILE", help="Draw latency and throughput over load (.png, .svg or .pdf).")
@click.option("--csv", "csv_path", metavar="FILE", help="Write one row a load; '-' prints it instead of the report.")
@click.option("--json", "json_path", metavar="FILE", help="Write the result as JSON; '-' prints it instead of the report.")
def traffic(topo: str, load: str | None, loads: str | None, batch: int | None, **options: Any) -> int:
    """Send random traffic and measure latency and throughput, up to saturation.

    Every host gets a packet in a cycle with probability load / packet, whether or not its queue is empty; a cycle is
    the time of a flit on a link. Latency counts from the arrival at the source and, "in network", from the first grant. A
    network that delivers under 95 % of what is offered is saturated; that is an answer, not an error. After Ctrl-C the
    loads measured so far are printed and written (exit code 130).

    \b
    Examples:
      collsim traffic --topo torus8x8 --pattern uniform --load 0.3 --packet 17
      collsim traffic --topo torus8x8 --pattern tornado --loads 0.05:0.9:0.05 --plot out.png
      collsim traffic --topo dragonfly2x4x2 --pattern adversarial --load 0.4 --set routing=ugal
      collsim traffic --topo fattree4 --pattern permutation --batch 1000
    """
    from collsim.errors import InvalidValue, RunError
    from collsim.sweep.traffic import parse_loads

    if sum(given is not None for given in (load, loads, batch)) != 1:
        raise InvalidValue("Say how much traffic, in one of three ways: --load 0.3, --loads 0.05:0.9:0.05 or --batch 1000.")
    paths = _paths(options, batch is not None)
    case, engine = _case(topo, options)
    amounts = [] if batch is not None else parse_loads(str(loads if load is None else load))
    if load is not None and len(amounts) > 1:
        raise InvalidValue(f"--load takes one load, not '{load}'; several go to --loads.")
    try:
        return _curve(case, engine, amounts, paths) if batch is None else _batch(case, engine, batch, paths["json"])
    except MemoryError:
        less = "fewer cycles (--warmup, --measure, --drain)" if batch is None else "a smaller --batch"
        raise RunError(f"Not enough memory for so many packets; take {less} or a smaller machine.") from None


def _paths(options: dict[str, Any], batch: bool) -> dict[str, str | None]:
    """Take the output files from the options, each of them writable. Raises OutputError and InvalidValue."""
    from collsim.errors import InvalidValue
    from collsim.report.output import check_drawable, check_writable

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "csv", "json")}
    if batch and (paths["plot"] or paths["csv"]):
        raise InvalidValue("A batch has one makespan and no curve; take --json, or --loads with --plot and --csv.")
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind == "plot"):
            (check_drawable if kind == "plot" else check_writable)(path)
    return paths


def _case(topo: str, options: dict[str, Any]) -> tuple[TrafficCase, str]:
    from collsim.engines.engine import ENGINES
    from collsim.errors import InvalidValue
    from collsim.network.files import read_settings
    from collsim.network.preset import preset
    from collsim.simulate import machine_of
    from collsim.units import FS_PER_SECOND, parse_size, parse_time
    from collsim.workloads.open_loop import OpenLoop, traffic_case

    # Packets are set by --packet and --flit here, so a preset says all but how large they are.
    known = {} if options["preset"] is None else preset(options["preset"]).values
    network: dict[str, object] = {leaf: value for leaf, value in known.items() if leaf not in ("packet_payload", "header")}
    network |= {} if options["network"] is None else read_settings(options["network"])
    network |= parse_settings(options.pop("settings"))
    chosen, flit = settings_of(options), parse_size(options["flit"])
    if options["cycle"] is not None:
        cycle = parse_time(options["cycle"])
        if chosen["bandwidth"] is not None or cycle < 1:
            raise InvalidValue("--cycle and --bandwidth both say how fast links are; give one of them, above zero.")
        # Rounded up, so that a flit, whose time is rounded up as well, takes the cycle and not a femtosecond more.
        chosen["bandwidth"] = -(-flit * FS_PER_SECOND // cycle)
    ENGINES.get(chosen["engine"])
    machine, _ = machine_of(topo, chosen["bandwidth"], chosen["latency"], chosen["fail"], chosen["degrade"])
    sizes = {name: options[name] for name in ("packet", "warmup", "measure", "drain")}
    sent = OpenLoop(options["pattern"], flit=flit, **sizes)
    return traffic_case(machine, sent, network, chosen["seed"]), chosen["engine"]


def _batch(case: TrafficCase, engine: str, packets: int, path: str | None) -> int:
    from collsim.report.output import to_json, write_text
    from collsim.report.table import print_rows
    from collsim.sweep.traffic import describe, run_batch

    with progress(f"a batch on {case.topology.name}") as show:
        point = run_batch(case, engine, packets, [MessageBar(show, "packets")])
    value = {**describe(case, engine), "batch": point.to_dict()}
    if path == "-":
        click.echo(to_json(value), nl=False)
        return 0
    print_rows(
        [*head_rows(case), *batch_rows(case, point), *tail_rows(case, engine, point.wall, point.packet_hops)], sys.stdout
    )
    if path is not None:
        write_text(path, to_json(value))
    return 0


def _curve(case: TrafficCase, engine: str, loads: Sequence[Fraction], paths: dict[str, str | None]) -> int:
    from collsim.errors import RunError
    from collsim.sweep.traffic import Curve, runs
    from collsim.workloads.open_loop_measures import expect

    expected, done = expect(case), list[Any]()
    stopped: BaseException | None = None
    with progress(f"traffic on {case.topology.name}") as show:
        try:
            for point in runs(case, engine, loads, lambda load: [MessageBar(show, f"load {float(load):g}, packets")]):
                done.append(point)
        except (KeyboardInterrupt, RunError) as why:
            stopped = why
    if stopped is not None and not done:
        raise stopped
    _write(Curve(case, engine, tuple(done), expected), paths, single=len(loads) == 1)
    return stopped_after(stopped, "loads")


def _write(curve: Curve, paths: dict[str, str | None], single: bool) -> None:
    from collsim.report.output import to_json, write_file, write_text

    text, frame = to_json(curve.to_dict()), curve.frame() if paths["csv"] else None
    if paths["json"] == "-":
        click.echo(text, nl=False)
    elif paths["csv"] == "-" and frame is not None:
        click.echo(frame.to_csv(index=False), nl=False)
    else:
        _print(curve, single)
    if paths["json"] not in (None, "-"):
        write_text(paths["json"], text)
    if paths["csv"] not in (None, "-") and frame is not None:
        write_file(paths["csv"], lambda temporary: frame.to_csv(temporary, index=False))
    if paths["plot"]:
        curve.plot(paths["plot"])


def _print(curve: Curve, single: bool) -> None:
    from collsim.report.table import print_columns, print_rows

    case, points = curve.case, curve.points
    wall, hops = sum(p.wall for p in points), sum(p.packet_hops for p in points)
    tail = [*bound_rows(curve), *tail_rows(case, curve.engine, wall, hops), *note_rows(curve)]
    if single:
        print_rows([*head_rows(case), *phase_rows(case), *point_rows(points[0]), *tail], sys.stdout)
        return
    print_rows([*head_rows(case), *phase_rows(case)], sys.stdout)
    heads = ["load", "offered", "accepted", "latency", "p99", "in network", "p99", ""]
    rows = [
        [
            *(f"{p.load:.4g}", f"{p.offered:.4f}", f"{p.accepted:.4f}"),
            *(f"{t:.1f}" for t in (p.latency_mean, p.latency_p99, p.network_mean, p.network_p99)),
            "saturated" if p.saturated else "",
        ]
        for p in points
    ]
    if not any(p.saturated for p in points):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    click.echo()
    print_columns(heads, rows, sys.stdout, left=0)
    click.echo()
    print_rows([("Saturation", saturation_text(curve)), *tail], sys.stdout)
