"""How cost grows with hosts (16 to 4,096) and with size (1 KiB to 1 GiB), as trains and packet by packet."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from construction import HOSTS, measured
from markdown import Results, count, got, seconds, table
from measuring import Case, Measured, engine, least, peak_mib, schedule, timed, warm

from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.topology import load
from collsim.units import format_size

__all__ = ["CASES", "draw", "lines"]

SIZES = tuple(2**k for k in range(10, 31, 2))
SERIES = {
    "size/multitree": ("MULTITREE on torus8x8, run as trains", "torus8x8", "multitree", "compiled", 2**30),
    "size/direct": ("direct on torus8x8, packet by packet", "torus8x8", "direct", "packets", 2**26),
}
OVER_HOSTS = ("ring", "2d-ring", "multitree")


def over_sizes(name: str) -> Measured:
    """Return CPU seconds for each size up to the last of the series."""
    _, where, algorithm, by, most = SERIES[name]
    warm(by)
    topology, plan, spent = load(where), schedule(where, algorithm), {}
    for size in SIZES:
        if size <= most:
            program = single_call(plan, size)
            first, result = timed(lambda program=program: engine(by)(topology, program, NetworkConfig()))
            again = (
                least(lambda program=program: engine(by)(topology, program, NetworkConfig()), 2)[0] if first < 2 else first
            )
            spent[str(size)] = {"cpu": min(first, again), "hops": result.packet_hops}
    return {"sizes": spent, "peak": peak_mib()}


CASES = tuple(Case(name, partial(over_sizes, name)) for name in SERIES)


def lines(results: Results) -> list[str]:
    """Return the tables over sizes and over hosts."""
    rows = []
    for size in SIZES:
        cells = []
        for name in SERIES:
            m = (got(results, name, "sizes") or {}).get(str(size), {})
            cells += [count(m.get("hops")), seconds(m.get("cpu"))]
        rows.append((format_size(size), *cells))
    head = "|".join(("size", *(f"packet-hops|s, {what}" for what, *_ in SERIES.values())))
    hosts = []
    for n, where in HOSTS.items():
        cells = [seconds(measured(results, where, a, key)) for a in OVER_HOSTS for key in ("build", "run")]
        hosts.append((f"{n:,}", *cells))
    columns = "|".join(("hosts", *(f"{a}, build s|run s" for a in OVER_HOSTS)))
    return [
        "## Scaling",
        "",
        "![CPU seconds over hosts and sizes, memory over hosts](scaling.png)",
        "",
        "Over the size of a rank's buffer. A train costs the same whatever it carries; packets cost by the packet (up",
        "to 64 MiB here).",
        "",
        *table(head, rows),
        "",
        "Over hosts, all-reduce of 1 MiB on square tori, of the table above.",
        "",
        *table(columns, hosts),
    ]


def draw(results: Results, path: Path) -> None:
    """Draw both scalings and the peak of memory into `path`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (hosts, memory, sizes) = pyplot.subplots(1, 3, figsize=(15, 4), layout="constrained")
    for algorithm in OVER_HOSTS:
        for key, style in (("build", "--"), ("run", "-")):
            _line(hosts, {n: measured(results, w, algorithm, key) for n, w in HOSTS.items()}, f"{algorithm}, {key}", style)
        _line(memory, {n: measured(results, w, algorithm, "peak") for n, w in HOSTS.items()}, algorithm, "-")
    for name, (what, *_) in SERIES.items():
        found = got(results, name, "sizes") or {}
        _line(sizes, {int(size): m["cpu"] for size, m in found.items()}, what, "-")
    for axis, title, x, y in (
        (hosts, "All-reduce of 1 MiB on tori", "hosts", "CPU seconds"),
        (memory, "Building, proving and running it", "hosts", "peak MiB"),
        (sizes, "Over size", "bytes of a rank's buffer", "CPU seconds"),
    ):
        axis.set(title=title, xlabel=x, ylabel=y, xscale="log", yscale="log")
        axis.grid(alpha=0.4)
        if axis.get_lines():
            axis.legend(fontsize="small")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _line(axis, points, label, style):  # type: ignore[no-untyped-def]
    known = {x: y for x, y in points.items() if y is not None}
    if known:
        axis.plot(list(known), list(known.values()), style, marker="o", label=label)
