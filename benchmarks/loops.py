"""Loops that do nothing but fire events: what an engine of one event after another could at best do on this machine."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import simpy
from markdown import Results, count, got, ratio, seconds, table
from measuring import Case, Measured, least, peak_mib

__all__ = ["CASES", "lines"]

EVENTS, WAITING = 200_000, 1000


def bare_simpy() -> Measured:
    """Fire empty SimPy events, 1,000 of them in the queue at a time."""

    def loop() -> None:
        env, left = simpy.Environment(), [EVENTS]

        def again(_: simpy.Event) -> None:
            if left[0] > 0:
                left[0] -= 1
                env.timeout(1).callbacks.append(again)

        for _ in range(WAITING):
            env.timeout(1).callbacks.append(again)
        env.run()

    return {"cpu": least(loop, 3)[0], "events": EVENTS, "peak": peak_mib()}


def bare_heap() -> Measured:
    """Pop and push tuples on a heap of Python's own."""

    def loop() -> None:
        heap = [(k, k) for k in range(WAITING)]
        heapify(heap)
        for serial in range(EVENTS):
            time, _ = heappop(heap)
            heappush(heap, (time + WAITING, serial))

    return {"cpu": least(loop, 3)[0], "events": EVENTS, "peak": peak_mib()}


CASES = (Case("loop/simpy", bare_simpy), Case("loop/heapq", bare_heap))
WHAT = {"loop/simpy": "empty SimPy events", "loop/heapq": "pops and pushes on a heapq"}


def lines(results: Results) -> list[str]:
    """Return the table of bare loops, beside a packet-hop of our engines on the ring of 64."""
    rows = []
    for name, what in WHAT.items():
        spent, events = got(results, name, "cpu"), got(results, name, "events")
        rows.append((what, count(events), seconds(spent), ratio(events, spent, 1e6, 2)))
    for by, what in (
        ("simpy", "packet-hops of the SimPy engine, ring64"),
        ("packets", "packet-hops of the compiled engine, ring64"),
    ):
        spent, hops = got(results, f"ring64/{by}", "cpu"), got(results, f"ring64/{by}", "hops")
        rows.append((what, count(hops), seconds(spent), ratio(hops, spent, 1e6, 2)))
    return [
        "## Bare event loops",
        "",
        f"{WAITING:,} events in the queue at a time. A packet-hop needs at least one event.",
        "",
        *table("what|number|CPU s|M/s", rows),
    ]
