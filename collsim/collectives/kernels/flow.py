"""Maximum flow on a small dense network, compiled: what packing trees asks thousands of times of slightly changed graphs.

Capacities stand in a square matrix, a few hundred nodes at most; a flow is stopped as soon as it is large enough, since
all that is asked is how far short a cut falls.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from collsim.jit.compile import small_kernel

__all__ = ["push"]

Array = Any


@small_kernel
def push(room: Array, sources: Array, sink: int, limit: int) -> Any:
    """Push up to `limit` units from the nodes with sources[node] to `sink`; return how many went, at most the minimum cut.

    `room` int64[nodes, nodes] are residual capacities, which the flow changes. Searched from the sink backwards, because
    most nodes are sources. Shortest ways first (Edmonds and Karp 1972).
    """
    nodes = len(room)
    onward, queue = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    sent = 0
    while sent < limit:
        onward[:] = -1
        onward[sink] = sink
        queue[0], head, tail, start = sink, 0, 1, -1
        while head < tail and start < 0:
            node = queue[head]
            head += 1
            for before in range(nodes):
                if room[before, node] > 0 and onward[before] < 0:
                    onward[before] = node
                    if sources[before]:
                        start = before
                        break
                    queue[tail] = before
                    tail += 1
        if start < 0:
            break
        amount, node = limit - sent, start
        while node != sink:
            amount = min(amount, room[node, onward[node]])
            node = onward[node]
        node = start
        while node != sink:
            room[node, onward[node]] -= amount
            room[onward[node], node] += amount
            node = onward[node]
        sent += amount
    return sent
