"""Link changes for a case (rule 27): rates, failures, restorations, at ticks at which packets come and go, or between."""

from __future__ import annotations

import random
from dataclasses import replace

from agreement.cases import Case

from collsim.units import MAX_TIME, serialisation_fs

__all__ = ["draw_changes"]

SETTINGS = (("packet_payload", 4096), ("header", 0), ("router_delay", 0))
"""What the length of a run follows, with defaults; not read from a network, because settings may be ones it refuses."""


def draw_changes(rng: random.Random, case: Case) -> Case:
    """Return the case with some links that change; now and then one is not restored, and the run may stall."""
    t, changes = case.topology, {}
    for _ in range(rng.choice((1, 2, 2, 4, 8, 20))):
        link = rng.randrange(t.links)
        rate = int(t.bandwidth[link])
        first = _time(rng, case, link)
        kind = rng.choice(("fail", "fail", "fail", "slow", "fast", "odd", "same", "gone"))
        last = kind == "gone" and rng.random() < 0.3
        other = {"slow": max(rate // rng.choice((2, 3, 10, 1000)), 1), "fast": min(rate * rng.choice((2, 7)), 10**18)}
        changes[first, link] = other.get(kind, {"same": rate, "odd": rng.choice((1, 12_345_678_901))}.get(kind, 0))
        if not last:
            changes[first + max(_time(rng, case, link), 1), link] = rng.choice(
                (rate, rate, rate, max(rate // 2, 1), 3 * 10**10)
            )
    rows = sorted((min(time, MAX_TIME), link, rate) for (time, link), rate in changes.items())
    return replace(case, changes=tuple(rows))


def _time(rng: random.Random, case: Case, link: int) -> int:
    """A time of the order of what the run takes, often a sum of packet times and latencies, where events of it are."""
    t = case.topology
    payload, header, delay = (int(str(case.settings.get(*row))) for row in SETTINGS)
    packet = serialisation_fs(payload + header, int(t.bandwidth[link]))
    latency, count = int(t.latency[link]), rng.choice((0, 1, 2, 3, 5, 10, 30))
    exact = count * packet + rng.randint(0, 3) * latency + rng.choice((0, 0, 1, min(delay, MAX_TIME)))
    return exact if rng.random() < 0.6 else rng.randrange(30 * packet + 10 * latency + 1)
