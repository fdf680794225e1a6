"""The table that nccl-tests prints: what a measured run is, and simulated runs written the same way.

Sizes are the total buffer, as everywhere in collsim; GB/s are 10^9 bytes a second; times are microseconds in the file and
femtoseconds here. algbw is size over time, busbw is algbw times the factor of the collective (doc/PERFORMANCE.md of
nccl-tests). Columns are those of nccl-tests 2.17; reading is in nccl_tests_read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from collsim.collectives.collective import Collective
from collsim.errors import InvalidValue
from collsim.units import FS_PER_SECOND

__all__ = ["PROGRAMS", "Measured", "MeasuredRow", "to_nccl_tests"]

PROGRAMS: Mapping[str, str] = {
    "all_reduce_perf": "all-reduce",
    "all_gather_perf": "all-gather",
    "reduce_scatter_perf": "reduce-scatter",
    "broadcast_perf": "broadcast",
    "reduce_perf": "reduce",
    "alltoall_perf": "all-to-all",
}
FS_PER_US = FS_PER_SECOND // 10**6
_GB = 10**9
_REDUCING = ("all-reduce", "reduce-scatter", "reduce")
_CLEAR = 1.0
"""GB/s from which the two decimals of a bandwidth column give the bus factor to one percent."""
_SAME_FACTOR = 0.015


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """One size of a measured run: `size` bytes, times in fs (`in_place` None where not measured), `wrong` elements.

    `wrong` is None where results were not checked. `factor` is busbw over algbw, None where they are too small to tell.
    `place` names file and line.
    """

    size: int
    time: int
    in_place: int | None
    wrong: int | None
    factor: float | None
    place: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured run: rows of rising size, and what the file says of the `collective` and the number of `ranks`.

    `way`: which of the two times the rows have.
    """

    origin: str
    rows: tuple[MeasuredRow, ...]
    collective: str | None = None
    ranks: int | None = None
    way: str = "out of place"

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes in bytes, rising."""
        return tuple(row.size for row in self.rows)

    def time(self, size: int) -> int | None:
        """Return the out-of-place time at `size` bytes in fs; None where it was not measured."""
        return next((row.time for row in self.rows if row.size == size), None)

    def measured_in_place(self) -> Measured:
        """Return the run with the in-place times as its times; InvalidValue where a row has none."""
        without = [row.place for row in self.rows if row.in_place is None]
        if without:
            raise InvalidValue(f"{without[0]} has no in-place time; take the times out of place.")
        rows = tuple(replace(row, time=row.in_place or row.time) for row in self.rows)
        return replace(self, rows=rows, way="in place")

    def check(self, collective: Collective, ranks: int) -> None:
        """Raise InvalidValue where the table is of another collective or number of ranks than these."""
        if self.collective is not None and self.collective != collective.whole.name:
            raise InvalidValue(
                f"{self.origin} measures {self.collective}, not {collective.name}; ask for --collective {self.collective}."
            )
        if self.ranks is not None and self.ranks != ranks:
            raise InvalidValue(
                f"{self.origin} was measured on {self.ranks} ranks, and this machine has {ranks}; take one of "
                f"{self.ranks} hosts."
            )
        wanted = float(collective.bus_factor(ranks))
        for row in self.rows:
            if row.factor is not None and abs(row.factor / wanted - 1) > _SAME_FACTOR:
                raise InvalidValue(
                    f"{row.place}: busbw is {row.factor:.3f} times algbw, and {collective.name} of {ranks} ranks has "
                    f"{wanted:.3f}; the table is of another collective or number of ranks."
                )


def bus_factor(algbw: float, busbw: float) -> float | None:
    """Return busbw / algbw (GB/s as printed); None where two decimals are too few to tell."""
    return busbw / algbw if algbw >= _CLEAR and busbw >= _CLEAR else None


def to_nccl_tests(times: Sequence[tuple[int, int]], collective: Collective, hosts: Sequence[str], about: str) -> str:
    """Return the table of proved runs, each (size in bytes, time in fs); `hosts` names the host of each rank.

    #wrong is 0 because every schedule is proved before it is timed, in-place is out-of-place because the model knows no
    difference, and elements are floats where the size is a multiple of 4 bytes, else int8. `about` is a comment. Raises
    InvalidValue for a collective that nccl-tests does not measure and for a run that took no time.
    """
    program = next((name for name, known in PROGRAMS.items() if known == collective.name), None)
    if program is None:
        raise InvalidValue(f"nccl-tests does not measure {collective.name}; take one of {', '.join(PROGRAMS.values())}.")
    if any(time <= 0 for _, time in times):
        raise InvalidValue("A run that took no time has no bandwidth, so it has no row in a table of nccl-tests.")
    factor = collective.bus_factor(len(hosts))
    redop = "sum" if collective.name in _REDUCING else "none"
    root = -1 if collective.root is None else collective.root
    rates = [Fraction(size * FS_PER_SECOND, time) / _GB for size, time in times]
    mean = float(sum(rates) * factor / len(rates)) if rates else 0.0
    lines = [f"# Collective test starting: {program}", f"# {about}", "#", "# Using devices", *_devices(hosts), *_HEAD]
    for (size, time), rate in zip(times, rates, strict=True):
        each = 1 if size % 4 else 4
        half = f"  {_number(time / FS_PER_US, 7)}  {_number(float(rate), 6)}  {_number(float(rate * factor), 6)}       0"
        kind = "int8" if each == 1 else "float"
        lines.append(f"{size:12d}  {size // each:12d}  {kind:>8}  {redop:>6}  {root:6d}{half}{half}")
    lines += ["# Out of bounds values : 0 OK", f"# Avg bus bandwidth    : {mean:g}", "#"]
    return "\n".join([*lines, f"# Collective test concluded: {program}"]) + "\n"


_HEAD = (
    "#",
    "#                                                              out-of-place                       in-place          ",
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong",
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)       ",
)


def _devices(hosts: Sequence[str]) -> Iterable[str]:
    for rank, host in enumerate(hosts):
        yield f"#  Rank {rank:2d} Group  0 Pid      0 on {host:>10} device {rank:2d} [simulated]"


def _number(value: float, width: int) -> str:
    """Return `value` in `width` characters as nccl-tests does, with more decimals where two would lose a short time."""
    if value and value < 1:
        return f"{value:{width}.{4 if value >= 0.01 else 1}{'f' if value >= 0.01 else 'e'}}"
    whole = len(str(int(value)))
    return f"{value:{width}.{2 if whole < width - 2 else 1 if whole < width - 1 else 0}f}"
