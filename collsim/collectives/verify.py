"""Proves a schedule before anyone asks how long it takes: every destination ends with every contribution exactly once.

The proof is independent of sizes, of the network and of timing: step is a version number, and the dependencies are shown
to deliver each version in time. docs/proof.md explains the rules with a worked example.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.demand import ALL, Demand, demand
from collsim.collectives.replay import PRIME, Algebra, exact, fingerprint, replay
from collsim.collectives.replay_runs import pays, replay_by_runs
from collsim.collectives.schedule import Schedule
from collsim.collectives.timing import check_dependencies
from collsim.collectives.wellformed import check_form, check_paths
from collsim.errors import InvalidValue, ScheduleError, UnknownName
from collsim.topology.graph import Topology

__all__ = ["METHODS", "Proof", "verify"]

METHODS = ("auto", "exact", "fingerprint")
MOST_EXACT_RANKS = 512
MOST_EXACT_WORDS = 1 << 24
FEW_EXACT_WORDS = 1 << 20
EXACT_WORDS_A_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Proof:
    """A schedule that was proved right: how, its extent, and the probability that a wrong one would have passed.

    `local`: what a partial all-reduce leaves as it was on each rank, as in "channels 2048..4095 of 4096"; else empty.
    """

    method: str
    collective: str
    transfers: int
    ranks: int
    chunks: int
    miss_probability: float
    local: str = ""

    @property
    def line(self) -> str:
        """One sentence for reports."""
        how = "exact multisets"
        if self.method != "exact":
            how = f"61-bit fingerprints, a wrong schedule passes with probability {self.miss_probability:.1e}"
        chunks = f"{self.chunks:,} chunk{'' if self.chunks == 1 else 's'}"
        if not self.chunks:
            return f"{self.collective} proved: nothing is sent among {self.ranks:,} ranks{self._rest}."
        return (
            f"{self.collective} proved: {self.transfers:,} transfers bring every contribution to its place exactly once "
            f"({self.ranks:,} ranks, {chunks}; {how}){self._rest}."
        )

    @property
    def _rest(self) -> str:
        if not self.local:
            return ""
        if self.local == "no channel":
            return "; no channel stays local"
        verb = "stays" if self.local.startswith(("the", "channel ")) else "stay"
        return f"; {self.local} {verb} local on each rank, out of reach of every transfer"


def verify(schedule: Schedule, topology: Topology, *, method: str = "auto", seed: int = 0) -> Proof:
    """Return a Proof that `schedule` does what its collective demands on `topology`, whatever the timing.

    `method`: "exact" follows every contribution of every rank (two bits each); "fingerprint" follows random sums, linear
    in the chunks carried; "auto" is exact up to 512 ranks where 128 MiB hold it and it is no more than 512 bytes a chunk
    carried. `seed` draws the fingerprints.
    Raises ScheduleError naming rank, chunk, step and transfer, and what is missing or doubled; UnknownName for a method.
    """
    if method not in METHODS:
        raise UnknownName("proof method", method, METHODS)
    if seed < 0:
        raise InvalidValue(f"The seed {seed} is negative; it is a whole number of 0 or more.")
    check_form(schedule, topology)
    check_paths(schedule, topology)
    wanted = demand(schedule)
    if method == "auto":
        method = "exact" if _fits(schedule) else "fingerprint"
    algebra = exact(schedule.ranks) if method == "exact" else fingerprint(schedule.ranks, seed)
    found = replay_by_runs(schedule, wanted, algebra) if pays(schedule, wanted, algebra) else None
    if found is not None:
        needs = found.needs
        if found.wrong is not None:
            _explain(schedule, wanted, *found.wrong)
    else:
        values, needs = replay(schedule, wanted, algebra)
        _check_ends(schedule, wanted, algebra, values)
    check_dependencies(schedule, needs)
    miss = 0.0 if method == "exact" else 1 / PRIME
    claim, extent = schedule.collective, (schedule.transfers, schedule.ranks, schedule.chunks)
    return Proof(method, claim.name, *extent, miss, claim.local if claim.channels else "")


def _fits(schedule: Schedule) -> bool:
    """Tell whether exact multisets are small enough, in all and beside the chunks that a schedule carries."""
    words = schedule.ranks * schedule.chunks * 2 * (-(-schedule.ranks // 64))
    carried = max(FEW_EXACT_WORDS, EXACT_WORDS_A_CHUNK * int(schedule.count.sum()))
    return schedule.ranks <= MOST_EXACT_RANKS and words <= min(MOST_EXACT_WORDS, carried)


def _check_ends(s: Schedule, wanted: Demand, algebra: Algebra, values: NDArray[np.uint64]) -> None:
    whole = algebra.sum(algebra.leaf)
    expected = np.where((wanted.wanted == ALL)[:, None], whole, algebra.leaf[wanted.wanted])
    ends = wanted.ends
    for rank in range(s.ranks):
        held = values[rank * s.chunks : (rank + 1) * s.chunks]
        wrong = np.flatnonzero(ends[rank] & (held != expected).any(axis=1))
        if wrong.size:
            _explain(s, wanted, rank, int(wrong[0]))


def _explain(s: Schedule, wanted: Demand, rank: int, chunk: int) -> None:
    """Replay the one chunk exactly, whatever the method was, and say what the rank lacks and what it has twice."""
    missing, doubled, strange = _difference(s, wanted, rank, chunk)
    last = [t for t in np.flatnonzero(s.dst == rank).tolist() if chunk in s.chunks_of(t)]
    where = "nothing is delivered there"
    if last:
        t = max(last, key=lambda k: int(s.step[k]))
        where = f"the last delivery there is transfer {t} in step {s.step[t]}"
    faults = [
        f"{what} {', '.join(map(str, ranks[:8]))}{' and more' if len(ranks) > 8 else ''}"
        for what, ranks in (
            ("lacks the contribution of rank", missing),
            ("has twice that of rank", doubled),
            ("holds that of rank", strange),
        )
        if ranks
    ]
    raise ScheduleError(
        f"{s.algorithm}: {s.collective.name} is wrong: rank {rank} ends with a chunk {chunk} that "
        f"{' and '.join(faults)}; {where}."
    )


def _difference(s: Schedule, wanted: Demand, rank: int, chunk: int) -> tuple[list[int], list[int], list[int]]:
    """Return the ranks whose contribution to `chunk` is missing, doubled, and there unasked, at `rank` in the end."""
    carried = np.flatnonzero((chunk - s.chunk) % s.chunks < s.count)
    one = np.ones(1, dtype=np.int64)
    alone = replace(
        s,
        weights=one,
        unit=1,
        chunk_src=s.chunk_src[[chunk]],
        chunk_dst=s.chunk_dst[[chunk]],
        step=s.step[carried],
        src=s.src[carried],
        dst=s.dst[carried],
        chunk=np.zeros_like(carried),
        count=np.ones_like(carried),
        op=s.op[carried],
        dep_set=np.zeros_like(carried),
        path_offsets=np.zeros(len(carried) + 1, dtype=np.int64),
        path_links=np.zeros(0, dtype=np.int64),
    )
    part = Demand(s.ranks, wanted.wanted[[chunk]], wanted.owner[[chunk]])
    values, _ = replay(alone, part, exact(s.ranks))
    words = values.shape[1] // 2
    bits = np.unpackbits(values[rank].view(np.uint8), bitorder="little").astype(np.bool_)
    once, twice = bits[: s.ranks], bits[64 * words : 64 * words + s.ranks]
    asked = np.full(s.ranks, True) if wanted.wanted[chunk] == ALL else np.arange(s.ranks) == wanted.wanted[chunk]
    faults = (asked & ~once, asked & twice, once & ~asked)
    missing, doubled, strange = (np.flatnonzero(fault).tolist() for fault in faults)
    return missing, doubled, strange
