"""Local SGD: some steps alone, then the average of all weights; at once, or used some steps later (delayed averaging).

With a delay of D steps the average travels while D steps compute; its use is folded into the update of step D.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.workloads.data_parallel import SCHEMES, IntArray, Prediction, Scheme, Work, Writer, Written, both, part

__all__: list[str] = []


def _start(work: Work) -> tuple[int, Fraction]:
    """Return (steps, share of the next step's computing) after which an average that is used late begins to travel.

    Communication rests during the first 1 - eta of the computing that it could hide behind.
    """
    rest = (1 - work.eta) * work.delay
    steps = int(rest)
    return (steps, rest - steps) if steps < work.delay else (steps - 1, Fraction(1))


def _write(work: Work) -> Written:
    writer = Writer.of(work)
    nothing: list[tuple[int, ...]] = [()] * work.ranks
    posted, over, since = nothing, nothing, -1
    steps, share = _start(work) if work.delay else (-1, Fraction(0))
    for iteration in range(work.iterations):
        starts = since >= 0 and since == steps
        heads = writer.pieces(iteration, [share] if starts else [])
        if starts:
            over = writer.reduce(iteration - 1 - steps, posted, [work.size], heads, nothing)
        since = since + 1 if since >= 0 else -1
        used = work.delay > 0 and since == work.delay
        writer.update(both(writer.whole, over) if used else writer.whole)
        since = -1 if used else since
        if (iteration + 1) % work.local_steps == 0 and iteration + 1 < work.iterations:
            posted, since = writer.ready, 0
            if not work.delay:
                writer.ready = writer.reduce(iteration, posted, [work.size], [posted], nothing)
    return writer.written()


def _law(work: Work, times: Sequence[int]) -> Fraction:
    steps, step, exposed = work.local_steps, work.typical + work.update, times[0]
    if work.delay:
        whole, share = _start(work)
        begun = whole * step + int(part(np.array([work.typical]), share)[0])
        exposed = max(0, begun + times[0] - (work.delay * step - work.update))
    return Fraction(steps * step + exposed, steps)


def _predict(work: Work, times: Sequence[int]) -> Prediction:
    ended = np.zeros_like(work.compute)
    begin: IntArray = np.zeros(work.ranks, dtype=np.int64)
    steps, share = _start(work) if work.delay else (-1, Fraction(0))
    over, since = 0, -1
    for k, compute in enumerate(work.compute):
        if since >= 0 and since == steps:
            over = int((begin + part(compute, share)).max()) + times[0]
        since = since + 1 if since >= 0 else -1
        used = work.delay > 0 and since == work.delay
        begin = ended[k] = (np.maximum(begin + compute, over) if used else begin + compute) + work.update
        since = -1 if used else since
        if (k + 1) % work.local_steps == 0 and k + 1 < work.iterations:
            since = 0
            if not work.delay:
                begin = np.full_like(begin, int(begin.max()) + times[0])
    return Prediction(ended)


SCHEMES.add(
    "local-sgd",
    Scheme(
        name="local-sgd",
        about="local SGD: H steps alone, then the average of the weights, at once or D steps later",
        source="Stich, ICLR 2019; delayed averaging: Zhou et al., DaSGD, ICML 2021",
        law_text="T_c + T_u + T_ar / H; delayed by D steps, of T_ar only what exceeds D T_c + (D - 1) T_u",
        write=_write,
        law=_law,
        predict=_predict,
        rounds=True,
    ),
)
