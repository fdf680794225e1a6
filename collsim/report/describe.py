"""What a report says, as rows of (label, text): of a run, a topology, an algorithm. How it looks is table.py's matter."""

from __future__ import annotations

from collections import Counter

from collsim.collectives.algorithm import ALGORITHMS, Algorithm
from collsim.collectives.bounds import Bound
from collsim.collectives.closed_forms import LAWS
from collsim.collectives.collective import PARTIAL, Collective, collective
from collsim.collectives.schedule import OP_NAMES, Schedule
from collsim.collectives.verify import Proof
from collsim.network.config import NetworkConfig
from collsim.network.usable_links import shared_links
from collsim.report.advice import advise
from collsim.result import Outcome, Result
from collsim.topology.graph import Topology
from collsim.topology.measures import Measures
from collsim.units import FS_PER_SECOND, format_bandwidth, format_loss, format_size, format_time

__all__ = [
    "Rows",
    "algorithm_rows",
    "bound_rows",
    "machine_text",
    "run_rows",
    "schedule_rows",
    "step_rows",
    "topology_rows",
    "transport_rows",
]

Rows = list[tuple[str, str]]

_PART = collective(PARTIAL)
PACKET_ENGINES = ("compiled", "simpy")


def run_rows(o: Outcome) -> Rows:
    """Return the report of a run, in reading order."""
    plan = o.schedule
    root = f" from rank {plan.collective.root}" if plan.collective.root is not None else ""
    rows = [
        ("Machine", machine_text(o.topology)),
        ("Collective", f"{plan.collective.name}{root} of {format_size(o.size)} among {plan.ranks} ranks"),
        *channel_rows(plan.collective, o.size),
        ("Algorithm", f"{o.algorithm}: {_count(plan.steps, 'step')}, {_count(plan.transfers, 'transfer')}{_chosen(o)}"),
        ("Legal here", f"{o.legality}; {_paths(o)}"),
        ("Verified", o.proof.line),
        ("Time", f"{format_time(o.result.time)} ({o.result.engine} engine)"),
        *([("Simulated", simulated_text(o.result))] if o.result.engine in PACKET_ENGINES else []),
        ("Bandwidth", f"algbw {format_bandwidth(o.algbw)}, busbw {format_bandwidth(o.busbw)}{_counted(o)}"),
        ("Bound", bound_text(o)),
        ("Closed form", closed_form_text(o)),
    ]
    if o.baseline is not None and o.speedup is not None:
        rows.append(("Speedup", f"{o.speedup:.3g}x over {o.baseline.algorithm} ({format_time(o.baseline.result.time)})"))
    rows += [("Time goes to", critical_text(o)), ("Links", links_text(o))]
    rows += transport_rows(o.network, o.result)
    if o.placement != "linear":
        rows.append(("Placement", o.placement))
    if o.changes:
        rows.append(("Links change", "; ".join(o.changes)))
    rows.append(("Settings", ", ".join(o.network.describe_changes()) or "all at their defaults"))
    rows += [("Note", text) for text in o.warnings]
    advice = advise(o)
    return [*rows, ("Advice", advice.finding), ("Try next", advice.command)]


def simulated_text(result: Result) -> str:
    """Return which share of the packet-hops went as message trains (docs/trains.md); the time does not depend on it."""
    share, hops = result.train_fraction, f"{result.packet_hops:,} packet-hops"
    if share <= 0:
        return f"packet by packet ({hops})"
    if share >= 1:
        return f"as message trains (100 % of {hops})"
    # Rounded towards the middle: 0 % and 100 % are said of nothing and of all alone.
    percent = min(max(100 * share, 0.1), 99.9)
    return f"{percent:.1f} % of {hops} as message trains, the others packet by packet"


def transport_rows(network: NetworkConfig, result: Result) -> Rows:
    """Return what became of packets, where any could be lost, thrown away or held back (rules 28 to 31), else nothing."""
    rows = []
    if result.packets_lost or result.packets_repeated or network.transport.loss:
        thrown = f", {result.packets_discarded:,} thrown away by receivers" if result.packets_discarded else ""
        lost = f"{result.packets_lost:,} lost{thrown}, {result.packets_repeated:,} sent again"
        rows.append(("Packets", f"{result.packets:,}; {lost} ({network.transport.recovery})"))
    if network.transport.delivery == "in-order" and result.reorder_peak is not None:
        most = int(result.reorder_peak.max(initial=0))
        where = f" (host {int(result.reorder_peak.argmax())})" if most else ""
        rows.append(("Reorder buffer", f"{format_size(most)} at most{where}, in order within each message"))
    return rows


def machine_text(t: Topology) -> str:
    """Return a machine in a line: "torus4x4: 16 hosts, 64 links of 16 GB/s and 150 ns"."""
    switches = f", {_count(t.switches, 'switch', 'switches')}" if t.switches else ""
    low, high = int(t.bandwidth.min()), int(t.bandwidth.max())
    rate = format_bandwidth(low) if low == high else f"{format_bandwidth(low)} to {format_bandwidth(high)}"
    near, far = int(t.latency.min()), int(t.latency.max())
    latency = format_time(near) if near == far else f"{format_time(near)} to {format_time(far)}"
    return f"{t.name}: {t.hosts} hosts{switches}, {t.links} directed links of {rate} and {latency}"


def bound_text(o: Outcome) -> str:
    """Return the bound, its kind, whether it is exact, and the percentage reached."""
    most = " for each link at its largest rate of the run" if o.changes else ""
    return f"{format_time(o.bound.time)} by {_kind(o.bound)}{most}; {o.percent_of_bound:.1f} % of it reached"


def _kind(bound: Bound) -> str:
    return f"{bound.kind} ({'exact' if bound.exact else 'certified, not shown to be the largest'})"


def bound_rows(t: Topology, wanted: Collective, ranks: int, size: int, bound: Bound) -> Rows:
    """Return what `collsim bound` says."""
    rate = f"algbw at most {format_bandwidth(size * FS_PER_SECOND / bound.time)}" if bound.time else "no limit"
    return [
        ("Machine", machine_text(t)),
        ("Collective", f"{wanted.name} of {format_size(size)} among {ranks} ranks"),
        *channel_rows(wanted, size),
        ("Bound", f"{format_time(bound.time)}, {rate}"),
        ("Kind", _kind(bound)),
        ("Where", bound.detail),
        *(
            ("Beside it", f"{format_time(float(p.seconds * FS_PER_SECOND))} by {p.kind}: {p.detail}")
            for p in bound.parts[1:]
        ),
        ("Holds for", "hosts that reduce; switches neither reduce nor multicast"),
    ]


def _chosen(o: Outcome) -> str:
    """Return what the size of the run made of an algorithm that adapts to it."""
    plan = o.schedule
    adapts = not ALGORITHMS.get(plan.algorithm).size_free if plan.algorithm in ALGORITHMS else False
    words = [plan.variant] if plan.variant and plan.variant not in o.algorithm else []
    words += [_count(plan.segments, "segment")] if plan.segments > 1 else []
    return f"; for this size {', '.join(words)}" if adapts and words else ""


def schedule_rows(plan: Schedule, t: Topology, algorithm: str, proof: Proof, size: int) -> Rows:
    """Return the head of `collsim schedule`."""
    return [
        ("Machine", machine_text(t)),
        ("Schedule", f"{algorithm}: {plan.collective.name} among {plan.ranks} ranks, {_count(plan.chunks, 'chunk')}"),
        (
            "Extent",
            f"{_count(plan.steps, 'step')}, {_count(plan.transfers, 'transfer')}, bytes shown for {format_size(size)}",
        ),
        *channel_rows(plan.collective, size),
        ("Verified", proof.line),
    ]


def channel_rows(wanted: Collective, size: int) -> Rows:
    """Return which channels of a partial all-reduce of `size` bytes are summed and which stay local; else nothing."""
    if not wanted.channels:
        return []
    summed = wanted.communicated(size)
    return [
        ("Summed", f"{wanted.summed}, {format_size(summed)} of a buffer"),
        ("Stays local", f"{wanted.local} on each rank, {format_size(size - summed)} of a buffer"),
    ]


def _counted(o: Outcome) -> str:
    return " (algbw counts the whole buffer, busbw what is summed)" if o.schedule.collective.channels else ""


def step_rows(plan: Schedule, t: Topology, size: int, first: int, last: int) -> list[list[str]]:
    """Return one row a transfer of steps `first` to `last`, ordered by step, source and id."""
    sizes = plan.message_bytes(size)
    chosen = [k for k in range(plan.transfers) if first <= plan.step[k] <= last]
    rows = []
    for k in sorted(chosen, key=lambda k: (int(plan.step[k]), int(plan.src[k]), k)):
        links = plan.path_of(k).tolist()
        nodes = (
            [t.names[int(t.source[links[0]])], *(t.names[int(t.target[link])] for link in links)] if links else ["routed"]
        )
        begin, count = int(plan.chunk[k]), int(plan.count[k])
        chunks = str(begin) if count == 1 else f"{begin}-{(begin + count - 1) % plan.chunks}"
        ends = [str(plan.step[k]), str(plan.src[k]), str(plan.dst[k])]
        rows.append([*ends, chunks, OP_NAMES[int(plan.op[k])], f"{int(sizes[k]):,}", "->".join(nodes)])
    return rows


def closed_form_text(o: Outcome) -> str:
    """Return the closed form, how far the run is from it, and why where the form makes no promise."""
    law = o.closed_form
    if law is None and o.changes:
        return "none: links change during the run"
    if law is None:
        known = (o.schedule.algorithm, o.schedule.collective.whole.name) in LAWS
        return f"none: {'messages meet on links, so no formula holds' if known else 'no formula is known for this schedule'}"
    difference = o.result.time - law.time
    if difference == 0:
        return f"{format_time(law.time)} by {law.text}; the run is equal to the tick"
    more = "longer" if difference > 0 else "shorter"
    share = 100 * abs(difference) / max(law.time, 1)
    loose = "" if law.exact else " (the network, not the step, decides who goes first)"
    if law.without:
        loose = f" (the formula knows nothing of {', '.join(law.without)})"
    return f"{format_time(law.time)} by {law.text}; the run is {share:.3g} % {more}{loose}"


def critical_text(o: Outcome) -> str:
    """Return the parts of the critical path with time and share."""
    shares = o.critical_shares()
    if not shares:
        return f"unknown: the {o.result.engine} engine keeps no critical path"
    return ", ".join(f"{k.replace('_', ' ')} {100 * s:.3g} % ({format_time(s * o.result.time)})" for k, s in shares.items())


def links_text(o: Outcome) -> str:
    """Return the most loaded link and the mean use."""
    link, use = o.bottleneck, o.link_use
    sent = format_size(int(o.result.link_bytes[link]))
    most = f"{o.topology.link_name(link)} is busiest, {100 * float(use[link]):.1f} % of the time ({sent})"
    idle = f"{int((use == 0).sum())} of {o.topology.links} never used"
    shared, usable = len(shared_links(o.topology)), len(o.usable_links)
    between = " between switches" if shared < o.topology.links else ""
    over = "" if usable == shared else f" over the {usable} of {shared} that messages could cross"
    return f"{most}; mean use {100 * float(use.mean()):.1f} %, {idle}; max/mean load{between} {o.link_imbalance:.2f}{over}"


def topology_rows(t: Topology, m: Measures) -> Rows:
    """Return what `topo show` says: machine, links by kind, degrees, distances, bisection, levels."""
    kinds = Counter(zip(t.bandwidth.tolist(), t.latency.tolist(), t.loss.tolist(), strict=True))
    links = [
        ("Links", f"{n} of {format_bandwidth(b)}, {format_time(lat)}" + (f", loss {format_loss(p)}" if p else ""))
        for (b, lat, p), n in sorted(kinds.items(), reverse=True)
    ]
    forwarding = int(t.forwards[: t.hosts].sum())
    degree = f"{_range(m.host_degree)} links out of a host"
    cut = m.bisection
    rows = [
        ("Machine", t.name),
        *([("About", t.about)] if t.about else []),
        ("Family", t.family + (f" {'x'.join(map(str, t.dims))}" if t.dims else "")),
        ("Hosts", f"{t.hosts}, of which {forwarding} pass on traffic of others"),
        ("Switches", str(t.switches) + _unlinked(t)),
        *links[:8],
        *([("Links", f"and {len(links) - 8} more kinds")] if len(links) > 8 else []),
        ("Capacity", f"{format_bandwidth(m.capacity)} over all {t.links} directed links"),
        ("Degree", degree + (f", {_range(m.switch_degree)} out of a switch" if m.switch_degree else "")),
        ("Diameter", f"{m.diameter} links between hosts, {m.average_distance:.3g} on average"),
        ("Bisection", f"{'' if cut.exact else 'at most '}{format_bandwidth(cut.bandwidth)} one way ({cut.how})"),
    ]
    return [*rows, *(("Level", f"{level.name}: {len(level.sets)} sets of {_sizes(level.sets)}") for level in t.levels)]


def _unlinked(t: Topology) -> str:
    """Return which switches nothing leads to or from, as after a slip in a file, and what may be done about it."""
    alone = [t.names[node] for node in range(t.hosts, t.nodes) if not t.out_links[node] and not t.in_links[node]]
    if not alone:
        return ""
    named = ", ".join(alone[:4]) + (f" and {len(alone) - 4} more" if len(alone) > 4 else "")
    have, them = ("has no link", "it") if len(alone) == 1 else ("have no links", "them")
    return f", of which {named} {have}: no message can use {them}; add links or leave {them} out"


def _range(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def algorithm_rows(entry: Algorithm) -> Rows:
    """Return the facts of an algorithm."""
    options = [f"{key} (default {parameter.default})" for key, parameter in entry.options.items()]
    return [
        ("Algorithm", entry.name + (f" (also {', '.join(entry.aliases)})" if entry.aliases else "")),
        ("What", entry.title),
        ("Source", entry.source),
        ("Needs", entry.needs),
        ("Collectives", ", ".join(entry.collectives) + ("; all-reduce in part too" if entry.serves(_PART) else "")),
        ("Steps", entry.steps.text),
        ("Volume", f"{entry.volume.text} (bytes that the busiest rank sends, as a share of the size)"),
        ("Adapts", "no, one schedule for every size" if entry.size_free else "segments or variant follow the size"),
        ("Suits", ", ".join(entry.suits)),
        ("Options", "; ".join(options) or "none"),
        ("Variants", "; ".join(entry.variants) or "none"),
    ]


def _paths(o: Outcome) -> str:
    given = int((o.schedule.path_offsets[1:] > o.schedule.path_offsets[:-1]).sum())
    if given == 0:
        return "paths are left to routing"
    return "all paths are given and exist" if given == o.schedule.transfers else f"{given} paths are given and exist"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _sizes(sets: tuple[tuple[int, ...], ...]) -> str:
    low, high = min(map(len, sets), default=0), max(map(len, sets), default=0)
    return f"{low} nodes" if low == high else f"{low} to {high} nodes"
