"""Lower bounds: the time that no algorithm can beat on a topology, whatever its schedule.

Hosts reduce, switches neither reduce nor multicast. docs/bounds.md derives every rule. All arithmetic is exact; a bound
depends on the arguments alone, never on how fast this machine is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from collsim.collectives.candidates import best_partition, node_sets, widest_exchange
from collsim.collectives.capacities import Capacities, capacities
from collsim.collectives.collective import Collective
from collsim.collectives.cuts import Ratio, gather_cut, root_cut, separating_cut
from collsim.collectives.distance import farthest, link_volume
from collsim.collectives.strength import strength
from collsim.errors import InvalidValue
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, format_bandwidth, format_time

__all__ = ["LATENCY", "Bound", "Part", "lower_bound"]

CAPACITY, CUT, LATENCY = "host capacity", "cut", "latency"
PARTITION, VOLUME = "partition (tree packing)", "link volume"


@dataclass(frozen=True, slots=True)
class Part:
    """One lower bound: its kind, seconds, why in a sentence, and `exact`: no bound of this kind is larger."""

    kind: str
    seconds: Fraction
    detail: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """The largest lower bound: `time` in fs (rounded up, so exact for integer clocks), and what it comes from.

    `kind`: "cut", "host capacity", "partition (tree packing)", "link volume" or "latency". `exact`: no bound of
    docs/bounds.md is larger for this collective. `detail` names the node sets. `parts`: all bounds, largest first.
    """

    time: int
    kind: str
    exact: bool
    detail: str
    parts: tuple[Part, ...]


def lower_bound(
    topology: Topology,
    collective: Collective,
    hosts: Sequence[int],
    size: int,
    *,
    overhead: int = 0,
    hop: int = 0,
) -> Bound:
    """Return the largest lower bound on `collective` among `hosts` (node of each rank) with `size` bytes.

    `overhead` fs: what every message costs before and after the network; `hop` fs: what a node costs that passes a
    message on. Both enter the latency only. A partial all-reduce has the bound of an all-reduce of what it sums.
    The cuts are cached by (topology's digest, collective, hosts).
    Raises InvalidValue for a negative size, fewer than two hosts, or hosts that are not distinct hosts of the topology.
    """
    group = tuple(int(h) for h in hosts)
    if size < 0 or overhead < 0 or hop < 0:
        raise InvalidValue("The size and delays of a bound are 0 or more.")
    if len(group) < 2 or len(set(group)) != len(group) or not all(0 <= h < topology.hosts for h in group):
        raise InvalidValue(f"A bound needs two or more distinct hosts between 0 and {topology.hosts - 1}.")
    case, size = _Case(topology.digest, collective.whole, group, topology), collective.communicated(size)
    parts = [_part(topology, limit, size, len(group)) for limit in _limits(case)]
    parts.append(_latency(case, size, overhead, hop))
    parts.sort(key=lambda part: -part.seconds)
    # The largest is exact only if nothing that might still grow lies behind it.
    best, exact = parts[0], all(part.exact for part in parts)
    return Bound(-int(-best.seconds * FS_PER_SECOND // 1), best.kind, exact, best.detail, tuple(parts))


@dataclass(frozen=True)
class _Case:
    """Key of the cache: two topologies with one digest have one answer."""

    digest: str
    collective: Collective
    hosts: tuple[int, ...]
    topology: Topology = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Limit:
    """A bound before the size is known: `load` seconds a byte of the buffer, or of one rank's share of it.

    `sets` are node ids, `capacity` bytes/s out of them together, `words` the sentence with {sets} and {capacity}.
    """

    kind: str
    load: Fraction
    by_share: bool
    sets: tuple[tuple[int, ...], ...]
    capacity: Fraction
    words: str
    exact: bool


@lru_cache(maxsize=128)
def _limits(case: _Case) -> tuple[_Limit, ...]:
    caps = capacities(case.topology, case.hosts)
    name = case.collective.name
    if name == "all-reduce":
        return _all_reduce(caps, case.topology)
    if name in ("all-gather", "reduce-scatter"):
        return _gather(caps if name == "all-gather" else caps.reverse, case.topology, name)
    if name == "all-to-all":
        return _exchange(caps, case.topology)
    assert case.collective.root is not None
    return _rooted(caps if name == "broadcast" else caps.reverse, case.topology, case.collective.root, name)


def _all_reduce(caps: Capacities, topology: Topology) -> tuple[_Limit, ...]:
    start = best_partition(caps, topology)
    limits = [_partition(caps, strength(caps, start), 2)]
    if not caps.balanced:
        # With equal cuts both ways two sets are a partition, so the partition bound covers these.
        cut = separating_cut(caps)
        limits.append(_cut(caps, cut, 1, False, "all of the data crosses {sets}, over {capacity}"))
    return tuple(limits)


def _gather(caps: Capacities, topology: Topology, name: str) -> tuple[_Limit, ...]:
    verb = "must leave" if name == "all-gather" else "must reach"
    cut = gather_cut(caps, node_sets(caps, topology))
    inside = caps.count(cut.sets[0])
    words = f"the shares of {inside} of {len(caps.ranks)} ranks {verb} {{sets}}, over {{capacity}}"
    limits = [_cut(caps, cut, inside, True, words)]
    if _copies_matter(caps):
        limits.append(_partition(caps, best_partition(caps, topology), 1))
    return tuple(limits)


def _copies_matter(caps: Capacities) -> bool:
    """Whether counting copies can beat cuts: never without switches (Edmonds 1973) or with cuts equal both ways."""
    return not caps.balanced and caps.size > len(caps.ranks)


def _rooted(caps: Capacities, topology: Topology, root: int, name: str) -> tuple[_Limit, ...]:
    verb = "leaves" if name == "broadcast" else "reaches"
    cut = root_cut(caps, int(caps.ranks[root]))
    limits = [_cut(caps, cut, 1, False, f"all of the data {verb} {{sets}}, over {{capacity}}")]
    if _copies_matter(caps):
        limits.append(_partition(caps, best_partition(caps, topology), 1))
    return tuple(limits)


def _exchange(caps: Capacities, topology: Topology) -> tuple[_Limit, ...]:
    sets = node_sets(caps, topology)
    cut = widest_exchange(caps, sets)
    inside = caps.count(cut.sets[0])
    pairs = inside * (len(caps.ranks) - inside)
    words = f"the blocks of {pairs} pairs of ranks must leave {{sets}}, over {{capacity}}"
    volume, total = link_volume(caps), Fraction(sum(caps.capacity.tolist()) * caps.unit)
    how = f"the blocks cross {volume} links in all, and all links together carry {{capacity}}"
    return (
        _cut(caps, cut, pairs, True, words),
        _Limit(VOLUME, volume / total, True, (), total, how, True),
    )


def _cut(caps: Capacities, cut: Ratio, amount: int, by_share: bool, words: str) -> _Limit:
    lonely = min(int(cut.sets[0].sum()), caps.size - int(cut.sets[0].sum())) == 1
    kind = CAPACITY if lonely else CUT
    load = cut.load / caps.unit
    return _Limit(kind, load, by_share, (caps.ids(cut.sets[0]),), amount / load, words, cut.exact)


def _partition(caps: Capacities, found: Ratio, copies: int) -> _Limit:
    """`copies` 2 for an all-reduce: k sets need k - 1 copies towards a total and k - 1 of the total; else 1."""
    k = len(found.sets)
    single = all(int(s.sum()) == 1 for s in found.sets)
    capacity = Fraction(k - 1) / found.load * caps.unit
    words = f"{copies * (k - 1)} copies of the data must leave {{sets}}, over {{capacity}} together"
    load = copies * found.load / caps.unit
    sets = tuple(caps.ids(s) for s in found.sets)
    return _Limit(CAPACITY if single else PARTITION, load, False, sets, capacity, words, found.exact)


def _part(topology: Topology, limit: _Limit, size: int, ranks: int) -> Part:
    """Fill in the size; shares are counted as floor(size / ranks) bytes, so that rounded shares never beat the bound."""
    amount = size // ranks if limit.by_share else size
    words = limit.words.format(sets=_name(topology, limit.sets), capacity=format_bandwidth(float(limit.capacity)))
    return Part(limit.kind, limit.load * amount, words[0].upper() + words[1:] + ".", limit.exact)


def _name(topology: Topology, sets: tuple[tuple[int, ...], ...]) -> str:
    if len(sets) > 1 and all(len(s) == 1 for s in sets):
        return f"the {len(sets)} hosts"
    named = [_name_set(topology, s) for s in sets[:3]]
    return f"{len(sets)} sets such as {named[0]}" if len(sets) > 3 else " and ".join(named)


def _name_set(topology: Topology, members: tuple[int, ...]) -> str:
    outside = sorted(set(range(topology.nodes)) - set(members))
    shown, prefix = (outside, "all but ") if len(outside) < len(members) and outside else (list(members), "")
    names = [topology.names[m] for m in shown[:6]]
    return prefix + "{" + ", ".join(names) + (f", ... {len(shown)} nodes" if len(shown) > 6 else "") + "}"


@lru_cache(maxsize=128)
def _farthest(case: _Case, few: bool, delays: tuple[int, int]) -> tuple[int, int, int]:
    return farthest(case.topology, case.collective, case.hosts, few, delays)


def _latency(case: _Case, size: int, overhead: int, hop: int) -> Part:
    time, source, target = _farthest(case, size < len(case.hosts), (overhead, hop))
    names = case.topology.names
    if size == 0 or time == 0:
        return Part(LATENCY, Fraction(0), "Nothing has to travel.", True)
    words = f"What {names[source]} contributes needs {format_time(time)} to {names[target]}, however small it is."
    return Part(LATENCY, Fraction(time, FS_PER_SECOND), words, True)
