"""Link changes for a case (rule 27): rates, losses, failures and their ends, at ticks of packets or between."""

from __future__ import annotations

import random
from dataclasses import replace

from agreement.cases import Case

from collsim.network.link_changes import FIRST
from collsim.units import MAX_TIME, PER_BILLION, serialisation_fs

__all__ = ["changes_loss", "draw_changes"]

SETTINGS = (("packet_payload", 4096), ("header", 0), ("router_delay", 0))
"""What the length of a run follows, with defaults; not read from a network, because settings may be ones it refuses."""


def draw_changes(rng: random.Random, case: Case) -> Case:
    """Return the case with some links that change; now and then one is not restored, and the run may stall.

    In half of the cases losses change as well, by themselves or with the rate.
    """
    lossy = rng.random() < (0.1 if case.settings.get("flow_control") == "message" else 0.5)
    t, changes = case.topology, _losses(rng, case) if lossy else {}
    for _ in range(rng.choice((0, 0, 1, 2) if lossy else (1, 2, 2, 4, 8, 20))):
        link = rng.randrange(t.links)
        rate = int(t.bandwidth[link])
        first = _time(rng, case, link)
        kind = rng.choice(("fail", "fail", "fail", "slow", "fast", "odd", "same", "gone"))
        last = kind == "gone" and rng.random() < 0.3
        other = {"slow": max(rate // rng.choice((2, 3, 10, 1000)), 1), "fast": min(rate * rng.choice((2, 7)), 10**18)}
        changes[first, link] = (other.get(kind, {"same": rate, "odd": rng.choice((1, 12_345_678_901))}.get(kind, 0)),)
        if not last:
            changes[first + max(_time(rng, case, link), 1), link] = (
                rng.choice((rate, rate, rate, max(rate // 2, 1), 3 * 10**10)),
            )
    rows = {(min(time, MAX_TIME), link): what for (time, link), what in changes.items()}
    return replace(case, changes=tuple((*key, *rows[key]) for key in sorted(rows)))


Changes = dict[tuple[int, int], tuple[int | None, ...]]


def _losses(rng: random.Random, case: Case) -> Changes:
    """Links that lose some or all of their packets from a time on, most of them for a while, some to the end."""
    t, changes = case.topology, Changes()
    to_the_end = rng.random() < 0.5
    for _ in range(rng.choice((1, 1, 2, 4))):
        link = rng.randrange(t.links)
        first = _time(rng, case, link)
        loss = rng.choice((PER_BILLION, PER_BILLION, PER_BILLION, 9 * 10**8, 3 * 10**8, 10**8, 10**6, 0))
        rate = rng.choice((None, None, None, None, int(t.bandwidth[link]) // 2 or 1))
        changes[first, link] = rate, loss
        if not (to_the_end and rng.random() < 0.7):
            until = first + max(_time(rng, case, link), 1)
            changes[until, link] = rng.choice(((None, 0), (int(t.bandwidth[link]), FIRST), (None, FIRST), (None, 5 * 10**8)))
    return changes


def changes_loss(case: Case) -> bool:
    """Whether links of a case may lose packets because of a change."""
    return any((change[3:] or (None,))[0] not in (None, 0) for change in case.changes)


def _time(rng: random.Random, case: Case, link: int) -> int:
    """A time of the order of what the run takes, often a sum of packet times and latencies, where events of it are."""
    t = case.topology
    payload, header, delay = (int(str(case.settings.get(*row))) for row in SETTINGS)
    packet = serialisation_fs(payload + header, int(t.bandwidth[link]))
    latency, count = int(t.latency[link]), rng.choice((0, 1, 2, 3, 5, 10, 30))
    exact = count * packet + rng.randint(0, 3) * latency + rng.choice((0, 0, 1, min(delay, MAX_TIME)))
    return exact if rng.random() < 0.6 else rng.randrange(30 * packet + 10 * latency + 1)
