"""What the report of `collsim workload sites` says, row by row, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collsim.report.describe import Rows
    from collsim.sweep.multi_site import Setting, Way
    from collsim.sweep.multi_site_late import Late

__all__ = ["head_rows", "table", "tail_rows"]

ABOVE = 1.05
"""Communication longer than its law by this factor is worth a sentence; the order of messages alone costs 1 or 2 %."""


def head_rows(at: Setting) -> Rows:
    """Return what is trained where, and what of it meets the wide area."""
    from collsim.network.link_changes import describe_changes
    from collsim.report.describe import machine_text
    from collsim.units import format_bandwidth, format_loss, format_time

    job, plant, wide = at.job, at.plant, at.wide[0]
    links = f"{len(wide.links)} link{'s' * (len(wide.links) > 1)}"
    loss = f", losing {format_loss(wide.loss)} of the packets" if wide.loss else ""
    way = f"{links} out of a site, {format_bandwidth(wide.rate)} in all, {format_time(2 * wide.latency)} round trip{loss}"
    replicas = plant.replicas * plant.sites
    placed = f"tensor {job.tensor} in a rack, pipeline {job.pipeline} in a site, {replicas} replicas on {plant.sites} sites"
    size, rate = _amount(job.shard), format_bandwidth(job.throughput).removesuffix("B/s")
    altered = [("Faults", ", ".join(at.faults))] if at.faults else []
    if at.changes:
        altered.append(("Links change", "; ".join(describe_changes(at.topology, at.changes))))
    return [
        ("Machine", machine_text(at.topology)),
        *altered,
        ("Wide area", way),
        ("Model", f"{_count(job.parameters)} parameters, {job.layers} layers of {job.hidden:,} channels"),
        ("Placement", f"{placed} ({plant.gpus:,} GPUs)"),
        ("Step", f"{job.tokens / 1e6:,.4g} M tokens, {format_time(at.compute)} of computing at {rate}FLOP/s a GPU"),
        ("Gradients", f"{job.gradient} B each, {size} a GPU, {_amount(job.parameters * job.gradient)} a replica"),
    ]


def table(at: Setting, ways: Sequence[Way]) -> tuple[list[str], list[list[str]]]:
    """Return heads and one row a way, the simulated value before its law."""
    from collsim.units import format_time

    heads = ["way", "over WAN", "law", "communication", "law", "step", "law", "exposed", "rate needed", "speedup"]
    rows = []
    for way in ways:
        times = (way.communication, way.communication_law, way.step, way.step_law, way.exposed)
        rate = f"{8 * way.rate / 1e12:.4g} Tb/s"
        gain = f"{ways[0].step / way.step:.3f}x"
        rows.append([way.name, _amount(way.sent), _amount(way.sent_law), *map(format_time, times), rate, gain])
    return heads, rows


def tail_rows(at: Setting, ways: Sequence[Way]) -> Rows:
    """Return how to read the table, the ratio of the paper, and how it was run."""
    from collsim.simulate import unknown_to_engine
    from collsim.sweep.multi_site import WAYS
    from collsim.workloads.multi_site import activation_ratio

    ratio = float(activation_ratio(at.job))
    packets = sorted({way.packet for way in ways})
    payload = f"{_amount(packets[0])}" + (f" to {_amount(packets[-1])}" if len(packets) > 1 else "")
    chosen = (
        "as set" if "packet_payload" in at.network.changed() else "so that a message has 64; packet_payload sets another"
    )
    rows = [("Way", f"{way.name}: {WAYS[way.name]} ({way.algorithm})") for way in ways]
    rows += [("Period", _period(way.late, way.communication)) for way in ways if way.late is not None]
    rows += [
        ("Columns", "bytes out of a site in a step; the law shares links evenly, and the step counts pipelines as well"),
        ("Speedup", f"of the step over that of {ways[0].name}, the first row"),
        ("Rate", "what a site needs to send these bytes in the time of one step's computing: N G x 8 / T"),
        ("Activations", f"a pipeline cut sends {ratio:.3g} times fewer bytes than gradients: N G / (K h A), 12 L h / K"),
        ("Packets", f"{payload}, {chosen}"),
        ("Settings", ", ".join(at.network.describe_changes()) or "all at their defaults"),
        ("Engine", f"{at.engine}, {sum(way.wall for way in ways):.2f} s, seed {at.seed}"),
    ]
    rows += [("Note", text) for text in unknown_to_engine(at.engine, at.network, at.topology)]
    if at.engine != "analytic" and "packet_payload" not in at.network.changed() and any(site.loss for site in at.wide):
        rows.append(
            ("Note", "packets as large as these are few, so few are lost; --set packet_payload=4KiB is what a wire carries")
        )
    rows += [("Note", text) for text in _above_law(ways)]
    if at.network.router.routing == "auto":
        rows.append(("Try next", "--set routing=up-down, where no two messages meet by the accident of a hash"))
    return rows


def _period(late: Late, alone: int) -> str:
    """Return what a late exchange makes of the period, beside the longer of computing and exchange."""
    from collsim.units import format_time

    own = f"{format_time(late.compute)} of computing"
    if not late.rendezvous:
        begins = "exchanges begin on each GPU by itself, so links between sites need not idle between two of them"
        beside = f"{own} and {format_time(alone)} of an exchange alone"
        return f"{format_time(late.period)} in the long run, beside {beside}; {begins}"
    least, most = (format_time(pick(late.exchanges)) for pick in (min, max))
    took = f"{least} of its exchange" if least == most else f"its exchange, {least} to {most}"
    how = "equal to the femtosecond" if late.exact else "not equal"
    return f"{format_time(late.period)}, the longer of {own} and {took}: {how} in all {len(late.periods)} steps"


def _above_law(ways: Sequence[Way]) -> list[str]:
    """Return a sentence for each way that takes longer than its law by more than messages meeting at a port explain."""
    return [
        f"{way.name} communicates for {way.communication / way.communication_law:.2f} times its law, which shares links "
        "evenly: messages that routing puts on the same link wait for each other while other links idle."
        for way in ways
        if way.communication > ABOVE * way.communication_law > 0
    ]


def _count(number: int) -> str:
    """Return 50 T, 175 B or 100 M."""
    for unit, factor in (("T", 10**12), ("B", 10**9), ("M", 10**6)):
        if number >= factor:
            return f"{number / factor:.4g} {unit}"
    return f"{number:,}"


def _amount(size: float) -> str:
    from collsim.units import format_bandwidth

    return format_bandwidth(size).removesuffix("/s")
