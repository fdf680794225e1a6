"""Which packing of trees suits a machine and a size: the plans that `forest` weighs, each with what it would take.

T spanning trees, or out-trees from every rank, are a trade: more trees come nearer to the bound, and fill their pipeline
later. What is worth a look is found here; `forest` compares what it gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from collsim.collectives.algorithm import Hint
from collsim.collectives.collective import Collective
from collsim.collectives.share_packing import pack_shares
from collsim.collectives.spanning import Pairs, linked_pairs, pack, strength_of, tree_rates
from collsim.collectives.tree_packing import distances, incidence
from collsim.collectives.tree_plan import MOST_TRANSFERS, NEAR, SMALLEST_PIECE, Plan, timetable_of
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND

__all__ = ["Machine", "shares_plan", "spanning_plan", "spanning_plans"]

TREE_EDGES = 2560
"""Trees times ranks that are tried: beyond, packing takes longer than the run."""
TRIALS = 4
CROSSING = 2 - 2**0.5
"""What a switch with one queue an input passes on when every input sends to every output (Karol, Hluchyj, Morgan 1987)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Key of caches: two topologies with one digest are one machine."""

    digest: str
    hosts: tuple[int, ...]
    topology: Topology = field(compare=False)


@lru_cache(maxsize=64)
def shares_plan(machine: Machine, collective: Collective, spread: bool) -> Plan | None:
    """Return the plan of out-trees from every rank (from the root), None where switches stand in the way."""
    packing = pack_shares(machine.topology, machine.hosts, collective, spread=spread)
    if packing is None:
        return None
    crossing = any(len(hop.path) > 1 for tree in packing.trees for hop in (*tree.up, *tree.down))
    use = CROSSING if spread and crossing else 1.0
    return Plan(packing, timetable_of(packing, machine.topology), "spread" if spread else "shares", use)


@lru_cache(maxsize=256)
def spanning_plan(machine: Machine, trees: int) -> Plan | None:
    """Return the plan of an all-reduce on `trees` spanning trees; None where links do not join the ranks."""
    pairs, limit = _strength(machine)
    packing = pack(pairs, limit, trees) if limit else None
    if packing is None:
        return None
    return Plan(packing, timetable_of(packing, machine.topology), f"spanning, trees={trees}")


def spanning_plans(machine: Machine, hint: Hint | None) -> Iterator[Plan]:
    """Yield plans with the most promising numbers of spanning trees, as judged by what any T trees could do at best."""
    pairs, limit = _strength(machine)
    if not limit:
        return
    most = max(2, TREE_EDGES // pairs.ranks)
    rates = {trees: tree_rates(pairs, limit, trees)[0] for trees in range(1, most + 1)}
    if hint is None:
        best = max(trees * rate for trees, rate in rates.items())
        chosen = [next(trees for trees, rate in rates.items() if trees * rate >= (1 - 2 * NEAR) * best)]
    else:
        radius = _radius(machine)
        likely = sorted(rates, key=lambda trees: _least(hint, pairs, trees, rates[trees], radius))[:TRIALS]
        chosen = sorted({*likely, *_records(rates)})
    for trees in chosen:
        plan = spanning_plan(machine, trees)
        if plan is not None:
            yield plan


def _records(rates: dict[int, Fraction]) -> list[int]:
    """Return the numbers of trees that carry more than any fewer trees do, by more than is worth a word."""
    best, records = Fraction(0), []
    for trees, rate in rates.items():
        if trees * rate > best * (1 + NEAR):
            best = trees * rate
            records.append(trees)
    return records


@lru_cache(maxsize=64)
def _strength(machine: Machine) -> tuple[Pairs, Fraction]:
    pairs = linked_pairs(machine.topology, machine.hosts)
    return pairs, strength_of(machine.topology, machine.hosts, pairs) if pairs.connected else Fraction(0)


@lru_cache(maxsize=64)
def _radius(machine: Machine) -> int:
    pairs, _ = _strength(machine)
    around = incidence(pairs.ranks, pairs.ends)
    return min(max(distances(around, rank)) for rank in range(pairs.ranks))


def _least(hint: Hint, pairs: Pairs, trees: int, rate: Fraction, radius: int) -> float:
    """Return the estimate of a plan whose trees are all as short as the graph allows and never wait for their turn."""
    hops = 2 * trees * (pairs.ranks - 1)
    pieces = max(1, min(hint.size // (trees * SMALLEST_PIECE), MOST_TRANSFERS // hops))
    period = max(pairs.rates) // rate
    slots = period * (pieces - 1) + max(period, 2 * radius)
    lasts = hint.size / float(pieces * trees * rate * period)
    return lasts * float(slots) + 2 * radius * hint.alpha / FS_PER_SECOND
