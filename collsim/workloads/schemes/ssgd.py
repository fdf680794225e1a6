"""Synchronous SGD: compute, sum all gradients, update; with and without overlap of summing and back-propagation."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.workloads.data_parallel import SCHEMES, Prediction, Scheme, Work, Writer, Written, both, part

__all__: list[str] = []

ALL = Fraction(1)


def _write(work: Work, sizes: Sequence[int], shares: Sequence[Fraction]) -> Written:
    """Write iterations whose all-reduce b waits until the share b of computing is done."""
    writer = Writer.of(work)
    nothing: list[tuple[int, ...]] = [()] * work.ranks
    for iteration in range(work.iterations):
        starts = writer.pieces(iteration, shares)
        over = writer.reduce(iteration, _single(writer, starts[0]), sizes, starts, nothing)
        writer.update(both(writer.whole, over))
    return writer.written()


def _single(writer: Writer, start: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the operations that post; a share of no time is reached before anything is done."""
    return start if all(start) else writer.whole


def _predict(work: Work, times: Sequence[int], shares: Sequence[Fraction]) -> Prediction:
    ended = np.zeros_like(work.compute)
    end = np.zeros(work.ranks, dtype=np.int64)
    for k, compute in enumerate(work.compute):
        over = 0
        for time, share in zip(times, shares, strict=True):
            over = max(int((end + part(compute, share)).max()), over) + time
        end = ended[k] = np.maximum(end + compute, over) + work.update
    return Prediction(ended)


def _exposed_last(work: Work) -> list[Fraction]:
    """Return the share of computing after which each bucket can begin to travel.

    Of the computing that is left when a bucket is full, only the share eta lets it make progress; it therefore waits for the
    rest of it, and begins at the very end where eta is 0.
    """
    return [ready + (1 - work.eta) * (1 - ready) for _, ready in work.buckets]


def _overlap_law(work: Work, times: Sequence[int]) -> Fraction:
    over = 0
    for time, share in zip(times, _exposed_last(work), strict=True):
        over = max(work.typical * share.numerator // share.denominator, over) + time
    return Fraction(max(work.typical, over) + work.update)


SCHEMES.add(
    "ssgd",
    Scheme(
        name="ssgd",
        about="synchronous SGD without overlap: compute, all-reduce, update",
        source="Chen et al., arXiv 1604.00981",
        law_text="T_c + T_ar + T_u",
        write=lambda work: _write(work, [work.size], [ALL]),
        law=lambda work, times: Fraction(work.typical + times[0] + work.update),
        predict=lambda work, times: _predict(work, times, [ALL]),
    ),
)

SCHEMES.add(
    "ssgd-overlap",
    Scheme(
        name="ssgd-overlap",
        about="synchronous SGD with buckets that are summed during back-propagation; the last one is always exposed",
        source="Li et al., PyTorch Distributed, VLDB 2020",
        law_text="the end of the last bucket, each behind the one before and when it is full, + T_u",
        write=lambda work: _write(work, [size for size, _ in work.buckets], _exposed_last(work)),
        law=_overlap_law,
        predict=lambda work, times: _predict(work, times, _exposed_last(work)),
        buckets=True,
    ),
)
