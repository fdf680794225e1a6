"""Stale-synchronous SGD: the all-reduce of an iteration is in flight while the next one computes, never while it updates.

DC-S3GD posts the sum of its updates, Pipe-SGD and OD-SGD that of their gradients: what they make of it differs, not when.
Where communication makes progress during a share eta of computing only, it rests during the first part of it, 1 - eta, which
exposes max(0, T_ar - eta T_c).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.workloads.data_parallel import SCHEMES, Prediction, Scheme, Work, Writer, Written, both, part

__all__ = ["stale_write"]


def stale_write(work: Work) -> Written:
    """Write iterations that each wait, before they update, for the all-reduce that the one before has posted."""
    writer = Writer.of(work)
    nothing: list[tuple[int, ...]] = [()] * work.ranks
    over = nothing
    for iteration in range(work.iterations):
        posted = writer.ready
        (head,) = writer.pieces(iteration, [1 - work.eta])
        if iteration:
            over = writer.reduce(iteration - 1, posted, [work.size], [head], nothing)
        writer.update(both(writer.whole, over))
    return writer.written()


def _law(work: Work, times: Sequence[int]) -> Fraction:
    rest = int(part(np.array([work.typical]), 1 - work.eta)[0])
    return Fraction(max(work.typical, rest + times[0]) + work.update)


def _predict(work: Work, times: Sequence[int]) -> Prediction:
    ended = np.zeros_like(work.compute)
    end = np.zeros(work.ranks, dtype=np.int64)
    for k, compute in enumerate(work.compute):
        over = int((end + part(compute, 1 - work.eta)).max()) + times[0] if k else 0
        end = ended[k] = np.maximum(end + compute, over) + work.update
    return Prediction(ended)


for name, about, source in (
    ("dcs3gd", "DC-S3GD: stale by one step, compensated to first order", "Rigazzi, arXiv 1911.02516"),
    ("pipe-sgd", "Pipe-SGD of width 2: gradients of the step before, not compensated", "Li et al., NeurIPS 2018"),
    ("od-sgd", "OD-SGD: gradients one step late beside a local update", "Xu et al., ACM TACO 17 (2020)"),
):
    SCHEMES.add(name, Scheme(name, about, source, "max(T_c, T_ar) + T_u", stale_write, _law, _predict))
