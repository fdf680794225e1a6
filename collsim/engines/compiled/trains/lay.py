"""Kernels that lay out rows and messages: the lists of who waits for what, the path and shape of each message."""

from __future__ import annotations

from typing import Any

from collsim.jit.compile import kernel

__all__ = ["lay_messages", "lay_paths", "lay_rows"]


@kernel
def lay_rows(tables: Any, plan: Any, at: int, number: int, hosts: int) -> None:
    """Fill `tables` (rows, entries, sets, places) from row `at` on with the transfers of schedule `number`.

    `plan`: (src, dst, hosts of ranks, step, dep_set, set_offsets, set_members, first set, first entry). Lists are filled
    from the back, so that they run in ascending order.
    """
    rows, entries, sets, places = tables
    src, dst, host_of, step, dep_set, offsets, members, first_set, first_entry = plan
    for t in range(len(src) - 1, -1, -1):
        row = rows[at + t]
        row.source, row.target, row.step = host_of[src[t]], host_of[dst[t]], step[t]
        place, waiting = places[number * hosts + row.source], sets[first_set + dep_set[t]]
        row.host_next = place.head
        place.head = at + t
        place.touches += 1
        if row.source != row.target:
            places[number * hosts + row.target].touches += 1
        row.set, row.set_next = first_set + dep_set[t], waiting.head
        waiting.head = at + t
        row.entry = -1
    for k in range(len(offsets) - 2, -1, -1):
        sets[first_set + k].left = offsets[k + 1] - offsets[k]
        for e in range(offsets[k], offsets[k + 1]):
            row, entry = rows[at + members[e]], entries[first_entry + e]
            entry.set, entry.next = first_set + k, row.entry
            row.entry = first_entry + e


@kernel
def lay_paths(rows: Any, at: int, way: Any, ends: Any, own: bool, keys: Any) -> bool:
    """Fill `keys` of the rows of one schedule from `at` on: equal for rows that take the same way, -1 for none.

    That is the pair of hosts (the row itself if every message has its `own` way), the link of an explicit path of one, the
    row where such a path is longer. False where one of a single link does not join its hosts, or where a host has one to
    itself, which nobody takes but which has to be looked at. `way`: offsets and links of explicit paths; `ends`: source and
    target of each link, number of hosts.
    """
    offsets, links = way
    source, target, hosts = ends
    pairs = hosts * hosts
    for t in range(len(offsets) - 1):
        row, length = at + t, offsets[t + 1] - offsets[t]
        a, b = rows[row].source, rows[row].target
        if a == b and length > 0:
            return False
        if length == 1:
            link = links[offsets[t]]
            if link < 0 or link >= len(source) or source[link] != a or target[link] != b:
                return False
            keys[row] = pairs + link
        elif length > 1 or own:
            keys[row] = pairs + len(source) + row
        else:
            keys[row] = a * hosts + b
        if a == b:
            keys[row] = -1
    return True


@kernel
def lay_messages(tables: Any, call: Any, keys: Any) -> int:
    """Fill what is known of the messages of one call before the run; return how many intervals they may need.

    `tables`: (messages, rows, paths, hops, links), whose `queue` gets the messages of each port added. `call`: (operation,
    first message, first row, chunk, count, bounds, reduces, width, whether reductions take time). `keys`: what a shape is:
    ((bytes, kind of path), whether it reduces), int64; the kind of no path is 0, others one more, all below `width`.
    """
    messages, rows, paths, hops, links = tables
    operation, first, at, chunk, count, bounds, reduces, width, slow = call
    chunks, slots = len(bounds) - 1, 0
    for t in range(len(chunk)):
        end = chunk[t] + count[t]
        size = bounds[min(end, chunks)] - bounds[chunk[t]] + bounds[max(end - chunks, 0)]
        path, kind = rows[at + t].path, 0
        if path >= 0:
            kind = paths[path].kind + 1
            if size > 0:
                port = links[hops[paths[path].first].link]
                port.queue += 1
                if paths[path].hops > 1 or port.transit:
                    slots += 3 * paths[path].hops
        keys[first + t] = (size * width + kind) * 2 + (1 if slow and reduces[t] else 0)
        message = messages[first + t]
        message.operation, message.ready, message.started, message.finish = operation, -1, -1, -1
    return slots
