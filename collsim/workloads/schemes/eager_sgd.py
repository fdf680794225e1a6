"""Eager SGD with majority all-reduces: one rank, drawn anew in every iteration, starts the sum for all, ready or not.

Ranks that are still computing take part with what they have (gradients left over, or none) and use the sum when they are
done; on average half of the ranks are ready. Starting the others is taken to cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.errors import InvalidValue
from collsim.program import Send
from collsim.workloads.data_parallel import SCHEMES, Prediction, Scheme, Work, Writer, Written, both

__all__: list[str] = []


def _write(work: Work) -> Written:
    if len(work.initiators) != work.iterations or not set(work.initiators.tolist()) <= set(range(work.ranks)):
        raise InvalidValue("Eager SGD needs a rank for every iteration that starts its all-reduce.")
    writer = Writer.of(work)
    over: list[tuple[int, ...]] = [()] * work.ranks
    for iteration, initiator in enumerate(work.initiators.tolist()):
        writer.pieces(iteration, [])
        ready = writer.whole[initiator]
        source = work.hosts[initiator]
        woken = [
            ready if host == source else (writer.add(Send(source, host, 0, ready, f"start {iteration}")),)
            for host in work.hosts
        ]
        over = writer.reduce(iteration, woken, [work.size], [woken], over)
        writer.update(both(writer.whole, over))
    return writer.written()


def _predict(work: Work, times: Sequence[int]) -> Prediction:
    ended, over = np.zeros_like(work.compute), 0
    end = np.zeros(work.ranks, dtype=np.int64)
    for k, (compute, initiator) in enumerate(zip(work.compute, work.initiators, strict=True)):
        over = max(int((end + compute)[initiator]), over) + times[0]
        end = ended[k] = np.maximum(end + compute, over) + work.update
    return Prediction(ended)


SCHEMES.add(
    "eager-sgd",
    Scheme(
        name="eager-sgd",
        about="eager SGD: a rank drawn at random starts the sum, whoever is late contributes what it has",
        source="Li et al., PPoPP 2020 (majority all-reduce)",
        law_text="T_c + T_ar + T_u",
        write=_write,
        law=lambda work, times: Fraction(work.typical + times[0] + work.update),
        predict=_predict,
    ),
)
