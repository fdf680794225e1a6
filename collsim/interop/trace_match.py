"""Which receive takes which send: in order by (source, destination, tag), wildcards last.

A wildcard matches what arrives first, which no file can tell. So receives that name source and tag take their messages
first, then those that leave one open, then those that leave both, each in the order of the file.
"""

from __future__ import annotations

from collections import defaultdict, deque

from collsim.errors import FileFormatError
from collsim.interop.trace import ANY, RECV, SEND, Trace, place

__all__ = ["match"]

Key = tuple[int, int]


def match(trace: Trace) -> dict[Key, Key]:
    """Return {(rank, receive): (rank, send)}; FileFormatError for a send or a receive left over, or one too small."""
    waiting: dict[int, dict[Key, deque[int]]] = defaultdict(lambda: defaultdict(deque))
    for rank, operations in enumerate(trace.ranks):
        for index, operation in enumerate(operations):
            if operation.kind == SEND:
                waiting[operation.peer][rank, operation.tag].append(index)
    receives = [
        (int(operation.peer == ANY) + int(operation.tag == ANY), rank, index)
        for rank, operations in enumerate(trace.ranks)
        for index, operation in enumerate(operations)
        if operation.kind == RECV
    ]
    found = {}
    for _, rank, index in sorted(receives):
        operation = trace.ranks[rank][index]
        key = _choose(waiting[rank], operation.peer, operation.tag)
        if key is None:
            raise FileFormatError(f"{place(trace, rank, index)} waits for a message that nobody sends.")
        queue = waiting[rank][key]
        sent = queue.popleft()
        if not queue:
            del waiting[rank][key]
        size = trace.ranks[key[0]][sent].size
        if size > operation.size:
            raise FileFormatError(
                f"{place(trace, rank, index)} takes {operation.size} bytes, and rank {key[0]} sends {size}."
            )
        found[rank, index] = (key[0], sent)
    for rank, queues in waiting.items():
        for (source, _), queue in queues.items():
            if queue:
                raise FileFormatError(f"{place(trace, source, queue[0])} is never received by rank {rank}.")
    return found


def _choose(queues: dict[Key, deque[int]], peer: int, tag: int) -> Key | None:
    """Return the (source, tag) whose first message a receive takes: of several the least source, then the first sent."""
    if ANY not in (peer, tag):
        return (peer, tag) if queues.get((peer, tag)) else None
    fitting = [key for key in queues if peer in (ANY, key[0]) and tag in (ANY, key[1])]
    return min(fitting, key=lambda key: (key[0], queues[key][0]), default=None)
