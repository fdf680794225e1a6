"""What a schedule does to real buffers: every rank's bytes as numbers, moved and added by byte ranges, step by step."""

import numpy as np

REDUCE = 1


def carry_out(plan, buffers):
    """Return int64[n, size], the buffers of all ranks after `plan`; `buffers` int64[n, size], one number a byte."""
    size = buffers.shape[1]
    bounds, held = plan.boundaries(size), buffers.copy()
    for step in np.unique(plan.step):
        before = held.copy()
        for t in np.flatnonzero(plan.step == step):
            for chunk in plan.chunks_of(t):
                part = slice(bounds[chunk], bounds[chunk + 1])
                value = before[plan.src[t], part]
                held[plan.dst[t], part] = value + (held[plan.dst[t], part] if plan.op[t] == REDUCE else 0)
    return held
