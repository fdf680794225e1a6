"""The partial all-reduce as a schedule: any all-reduce, over chunks that make up a part of the buffer.

In a tensor of (sequence, batch, channels) the channels are innermost, so those that are summed are packed by a copy, and a
collective sees the packed part. Chunks make up this part alone; what belongs to no chunk is out of every transfer's reach.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import gcd

from collsim.collectives.collective import Collective
from collsim.collectives.schedule import Schedule, ScheduleBuilder
from collsim.errors import InvalidValue, ScheduleError

__all__ = ["check_share", "partially"]

MOST = 2**62


def partially(whole: Schedule, collective: Collective) -> Schedule:
    """Return the schedule of `collective` (partial-all-reduce) that moves the part to be summed as `whole`, an all-reduce.

    Raises InvalidValue where weights that stand for the fraction exactly would not fit 64 bits.
    """
    share, weight = collective.share, int(whole.cumulative[-1])
    if share == 1:
        return replace(whole, collective=collective)
    if share == 0:
        return _nothing(whole, collective)
    factor = share.numerator // gcd(share.numerator, weight)
    unit = weight * factor * share.denominator // share.numerator
    if unit >= MOST:
        raise InvalidValue(f"{whole.algorithm} cannot weigh {share} of a buffer in 64 bits; choose p with few digits.")
    return replace(whole, collective=collective, weights=whole.weights * factor, unit=unit)


def _nothing(whole: Schedule, collective: Collective) -> Schedule:
    """Return the schedule without chunks: no channel is summed."""
    empty = ScheduleBuilder(collective, whole.algorithm, whole.ranks_to_hosts.tolist(), [], unit=1)
    return empty.finish(segments=whole.segments, variant=whole.variant)


def check_share(schedule: Schedule) -> None:
    """Raise ScheduleError unless the chunks of a partial all-reduce weigh what it claims to sum: no less, and no more.

    As a transfer names chunks and nothing else, the rest of the buffer is then as private to each rank as it was.
    """
    wanted = schedule.collective
    found = Fraction(int(schedule.cumulative[-1]), schedule.unit)
    if found == wanted.share:
        return
    fault = "channels that are to stay local are in reach of transfers" if found > wanted.share else "some are left out"
    raise ScheduleError(
        f"{schedule.algorithm}: the chunks are {_number(found * wanted.channels)} of {wanted.channels} channels, "
        f"{wanted.name} sums {wanted.synchronised}; {fault}. Weigh the chunks {wanted.share} of the buffer."
    )


def _number(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):.6g}"
