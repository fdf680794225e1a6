"""What the report of `collsim traffic` says, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collsim.report.describe import Rows
    from collsim.sweep.traffic import Curve
    from collsim.workloads.open_loop import TrafficCase
    from collsim.workloads.open_loop_measures import BatchPoint, LoadPoint

__all__ = [
    "batch_rows",
    "bound_rows",
    "head_rows",
    "note_rows",
    "phase_rows",
    "point_rows",
    "saturation_text",
    "tail_rows",
]

FEW = 100


def head_rows(case: TrafficCase) -> Rows:
    """Return what is sent on which machine."""
    from collsim.report.describe import machine_text
    from collsim.units import format_size, format_time
    from collsim.workloads.traffic_patterns import PATTERNS

    sent = case.traffic
    silent = case.topology.hosts - case.senders
    quiet = f"; {silent} of {case.topology.hosts} hosts send nothing" if silent else ""
    flits = f"{sent.packet} flit{'s' * (sent.packet > 1)} of {format_size(sent.flit)}"
    return [
        ("Machine", machine_text(case.topology)),
        ("Pattern", f"{sent.pattern}: {PATTERNS.get(sent.pattern).about}{quiet}"),
        ("Packets", f"{flits}, a flit in a cycle of {format_time(case.cycle)}"),
    ]


def phase_rows(case: TrafficCase) -> Rows:
    """Return the phases."""
    sent = case.traffic
    return [("Cycles", f"{sent.warmup:,} warm-up, {sent.measure:,} measured, {sent.drain:,} drain")]


def point_rows(p: LoadPoint) -> Rows:
    """Return what one load gave."""
    kept = "saturated: the network falls behind and latency grows with the time measured" if p.saturated else "keeps up"
    late = f", {p.late:,} of them late (under way after the drain)" if p.late else ""
    tail = f"p99 {p.latency_p99:.1f}, max {p.latency_max:.1f}"
    return [
        ("Offered", f"{p.offered:.4f} flits/cycle/host, asked for {p.load:g}; {p.packets:,} packets measured{late}"),
        ("Accepted", f"{p.accepted:.4f} flits/cycle/host ({p.accepted / p.offered:.1%}): {kept}"),
        ("Latency", f"mean {p.latency_mean:.1f} cycles, median {p.latency_median:.1f}, {tail}"),
        ("In network", f"mean {p.network_mean:.1f} cycles, p99 {p.network_p99:.1f}, without the queue at the source"),
    ]


def batch_rows(case: TrafficCase, p: BatchPoint) -> Rows:
    """Return what a batch gave."""
    from collsim.units import format_time

    link = case.topology.link_name(p.busiest)
    return [
        ("Batch", f"{p.packets:,} packets a host, all there at cycle 0"),
        ("Makespan", f"{p.makespan:,.1f} cycles ({format_time(p.time)})"),
        ("Throughput", f"{p.rate:.4f} flits/cycle/host"),
        ("Links", f"busiest {link}, {p.busiest_use:.1%} of the makespan"),
    ]


def bound_rows(curve: Curve) -> Rows:
    """Return what paths alone tell: the latency of an idle network and, with one path a pair, the load that fills a link."""
    alone, load, link = curve.expected.zero_load, curve.expected.bound, curve.expected.link
    rows = [("Alone", f"mean {alone:.1f} cycles for a packet in an idle network (closed form)")]
    if load is not None and link is not None:
        name = curve.case.topology.link_name(link)
        rows.append(("At most", f"{load:.4f} flits/cycle/host, where {name} is full on the paths of this routing"))
    return rows


def saturation_text(curve: Curve) -> str:
    """Return where the network fell behind, and the most that it accepted."""
    highest = f"{curve.best:.4f} flits/cycle/host at most were accepted"
    if curve.saturation is None:
        return f"not reached; {highest}"
    below = max((p.load for p in curve.points if p.load < curve.saturation), default=None)
    where = f"at load {curve.saturation:g}" + (" already" if below is None else f", not yet at {below:g}")
    return f"{where}; {highest}"


def tail_rows(case: TrafficCase, engine: str, wall: float, hops: int) -> Rows:
    """Return settings and engine."""
    return [
        ("Settings", ", ".join(case.network.describe_changes())),
        ("Engine", f"{engine}, {hops:,} packet-hops in {wall:.2f} s, seed {case.seed}"),
    ]


def note_rows(curve: Curve) -> Rows:
    """Return what a reader has to be warned of: a warm-up too short, a measurement of few packets."""
    alone, warmup, fewest = curve.expected.zero_load, curve.case.traffic.warmup, min(p.packets for p in curve.points)
    found = []
    if warmup < 2 * alone:
        need = f"--warmup {round(4 * alone, -2):.0f}"
        found.append(f"A packet alone takes {alone:.0f} cycles: a warm-up of {warmup:,} may not be enough; take {need}.")
    if fewest < FEW:
        found.append(
            f"Only {fewest} packets were measured at the lowest load; measure longer for a mean that means something."
        )
    return [("Note", text) for text in found]
