"""`collsim workload transports`: one collective by each transport, on a machine as it is, with a slow cable, with losses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from collsim.cli.options import algorithm_option, at_option, machine_options, run_options, size_option
from collsim.cli.progress import MessageBar, progress, stopped_after
from collsim.cli.settings import settings_of

if TYPE_CHECKING:
    from collsim.report.describe import Rows
    from collsim.sweep.transports import Study

__all__ = ["transports"]

NAMES = "ecmp,spray,least-queued,feedback"


@click.command("transports")
@machine_options
@algorithm_option("ring")
@size_option
@run_options
@at_option
@click.option("--transports", "names", default=NAMES, show_default=True, metavar="R,...", help="Routings to compare.")
@click.option(
    "--impair",
    metavar="LINK=F",
    help="The cable that is slow in the second condition, or that loses packets, LINK=loss:0.9, or all of them, LINK=drop, "
    "or that changes during the run as with --at, 20us:LINK=drop; or none; default the first at 0.25.",
)
@click.option(
    "--loss", default="1e-6,1e-5", show_default=True, metavar="P,...", help="Loss rates of all links, one condition each."
)
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    metavar="N",
    help="Runs of each transport, with --seed and the N - 1 after it: means and ranges of them.",
)
@click.option("--plot", "plot_path", metavar="FILE", help="Draw slowdowns and link loads (.png, .svg or .pdf).")
@click.option(
    "--csv", "csv_path", metavar="FILE", help="Write one row a condition and transport; '-' prints it instead of the table."
)
@click.option("--json", "json_path", metavar="FILE", help="Write the runs as JSON; '-' prints it instead of the table.")
def transports(topo: str, algo: str, size: str, names: str, **options: Any) -> int:
    """Compare what NICs may do with packets: paths by hash, in turn, by queues or by feedback; losses and their recovery.

    Each run is held against the same collective on an ideal fabric, one switch that joins all host links. Packets are
    delivered in order, which costs no time but the reorder buffer that is shown; --set recovery=go-back-n and other
    settings hold for all runs, and so do links that change (--at). Hashes, starts of paths and losses are drawn: one run
    is one draw, --seeds takes several. A run that stalls is an answer; if none ends the exit code is 1. After Ctrl-C the
    runs made so far are printed and written (exit code 130).

    \b
    Examples:
      collsim workload transports --topo leafspine4x4x4 --algo direct --collective all-to-all --size 1MiB
      collsim workload transports --topo fattree4 --algo ring --impair edge0-aggr0=0.1 --loss 1e-4 --set recovery=go-back-n
      collsim workload transports --topo leafspine4x4x4 --impair leaf0-spine0=loss:0.9 --size 1MiB --loss none
      collsim workload transports --topo leafspine4x4x4 --impair 20us:leaf0-spine0=drop --size 1MiB --loss none
      collsim workload transports --topo leafspine4x4x4 --size 1MiB --impair none --seeds 5
      collsim workload transports --topo fattree8 --algo halving-doubling --size 4MiB --plot out.png
    """
    from collsim.errors import InvalidValue, RunError
    from collsim.report.output import check_drawable, check_writable
    from collsim.simulate import prepare
    from collsim.sweep.transports import conditions, study
    from collsim.units import parse_size

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "csv", "json")}
    if paths["json"] == paths["csv"] == "-":
        raise InvalidValue("Only one of --json and --csv can be printed; name a file for the other.")
    for kind, path in paths.items():
        if path is not None and (path != "-" or kind == "plot"):
            (check_drawable if kind == "plot" else check_writable)(path)
    chosen = [word.strip() for word in names.split(",") if word.strip()]
    if not chosen:
        raise InvalidValue("Name at least one transport, like --transports ecmp,spray.")
    case, amount = prepare(topo, **settings_of(options)), parse_size(size)
    losses = [word.strip() for word in options["loss"].split(",") if word.strip() not in ("", "0", "none")]
    states = conditions(case.topology, options["impair"], losses)
    found: Study | None = None
    stopped: BaseException | None = None
    with progress(f"{algo} on {case.topology.name}") as show:
        try:
            observers = lambda text: [MessageBar(show, text)]  # noqa: E731
            for latest in study(case, algo, amount, chosen, states, observers, seeds=options["seeds"]):
                found = latest
        except (KeyboardInterrupt, RunError) as why:
            stopped = why
    if found is None:
        assert stopped is not None
        raise stopped
    _write(found, paths)
    code = stopped_after(stopped, "runs")
    if code == 0 and all(point.stalled for point in found.points):
        click.echo("Error: None of the runs ended; the rows above say why each stalled.", err=True)
        return 1
    return code


def _write(found: Study, paths: dict[str, str | None]) -> None:
    from collsim.report.output import to_json, write_text

    if "-" not in (paths["json"], paths["csv"]):
        _print(found)
    for kind in ("json", "csv"):
        path = paths[kind]
        if path is None:
            continue
        text = to_json(found.to_dict()) if kind == "json" else str(found.frame().to_csv(index=False))
        if path == "-":
            click.echo(text, nl=False)
        else:
            write_text(path, text)
    if paths["plot"]:
        found.plot(paths["plot"])


def _print(found: Study) -> None:
    from collsim.report.describe import machine_text
    from collsim.report.table import print_columns, print_rows
    from collsim.sweep.transports_table import table
    from collsim.units import format_size, format_time

    case = found.case
    what = f"{case.collective.name} of {format_size(found.size)} among {len(case.hosts)} ranks by {found.algorithm}"
    head = [
        ("Machine", machine_text(case.topology)),
        ("Collective", what),
        ("Ideal", f"{format_time(found.ideal)} with all switches merged into one"),
        ("Bound", f"{format_time(found.bound)} for any algorithm on this machine"),
    ]
    print_rows(head, sys.stdout)
    click.echo()
    print_columns(*table(found), sys.stdout, left=2)
    click.echo()
    print_rows(_tail(found), sys.stdout)


def _tail(found: Study) -> Rows:
    import shlex

    from collsim.network.link_changes import describe_changes
    from collsim.network.usable_links import shared_links
    from collsim.sweep.transports_table import note

    case = found.case
    rows = [(f"Stall of {cell.transport}", cell.stalled) for cell in found.cells if cell.stalls]
    rows += [*_law(found), ("Settings", ", ".join(case.network.describe_changes()) or "all at their defaults")]
    if case.changes:
        rows.append(("Changes", "; ".join(describe_changes(case.topology, case.changes))))
    if found.seeds > 1:
        rows.append(("Draws", note(found).split(". ")[0].lower()))
    hops, wall = sum(p.packet_hops for p in found.points), sum(p.wall_s for p in found.points)
    links, usable = len(shared_links(case.topology)), sorted({p.load_links for p in found.points})
    which = " or ".join(map(str, usable)) + f" of {links}" if usable != [links] else str(links)
    rows.append(
        ("Loads", f"of the {which} links between switches that messages could cross; the largest over the mean, 1 is even")
    )
    rows.append(("Simulated", f"{case.engine} engine, {hops:,} packet-hops in {wall:.2g} s"))
    words = ["collsim", "run", *case.request, "--algo", found.algorithm, "--collective", case.collective.name]
    ended = [c for c in found.cells if c.time_s is not None]
    if not ended:
        return rows
    best = min(ended, key=lambda c: c.time_s or 0)
    words += ["--size", str(found.size), "--set", f"routing={best.transport}"]
    return [*rows, ("Try next", shlex.join(words))]


def _law(found: Study) -> Rows:
    """Return what hashing is expected to cost where each host of the first switch has one flow out of it."""
    from collsim.workloads.balls_in_bins import MOST, expected_fullest, fullest_law

    t = found.case.topology
    switch = int(t.target[t.out_links[0][0]])
    flows = sum(int(t.source[link]) < t.hosts for link in t.in_links[switch])
    links = sum(int(t.target[link]) >= t.hosts for link in t.out_links[switch])
    if not (2 <= links <= MOST and 1 <= flows <= MOST):
        return []
    law = f" (ln m / ln ln m = {fullest_law(links):.2f})" if flows == links and links >= 16 else ""
    fullest = f"the fullest of {links} links expects {expected_fullest(flows, links):.3f} of {flows} flows that are hashed"
    return [("Chance", f"out of {t.names[switch]} {fullest}{law}, {flows / links:.3g} being even")]
