"""Links that change during a run (rule 27): from a time on another rate, none at all, or the first one again.

Changes are an input of a run, beside the program, and not a part of the topology: buffers, routes and estimates are laid out
for the machine as it is at the start. Texts such as "5ms:h0->h1=0.5" name links as topology/faults.py does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from collsim.errors import InvalidValue
from collsim.topology.faults import find_links
from collsim.topology.graph import Topology
from collsim.units import MAX_TIME, PER_BILLION, format_bandwidth, format_time, parse_bandwidth, parse_time

__all__ = ["LinkChange", "changes_digest", "check_change", "check_changes", "describe_changes", "fastest", "parse_changes"]

MOST_RATE = 10**18


@dataclass(frozen=True, slots=True, order=True)
class LinkChange:
    """From tick `time` (fs) on, packets granted on link `link` (an id) take it at `rate` bytes/s; 0: nothing is granted.

    Raises InvalidValue for a time outside the clock and a rate outside 0 to 10^18.
    """

    time: int
    link: int
    rate: int

    def __post_init__(self) -> None:
        if not 0 <= self.time <= MAX_TIME:
            raise InvalidValue(f"A link cannot change at {self.time} fs; give a time from 0 to the clock's 2.56 hours.")
        if not 0 <= self.rate <= MOST_RATE:
            raise InvalidValue(f"A link cannot change to {self.rate} bytes/s; give 1 to 10^18, or 0 for a failure.")


def parse_changes(topology: Topology, texts: Iterable[str | LinkChange]) -> tuple[LinkChange, ...]:
    """Return the changes that texts "TIME:LINK=RATE|SHARE|fail|restore" mean on `topology`, in order of (time, link).

    A share is one of the link's rate in `topology`, which is also what `restore` brings back; a cable "a-b" is two links.
    Raises InvalidValue for a text that cannot be read and UnknownName for an unknown link.
    """
    found: list[LinkChange] = []
    for text in texts:
        if isinstance(text, LinkChange):
            found.append(text)
            continue
        time, name, what = _words(text)
        for link in find_links(topology, name):
            found.append(LinkChange(time, link, _rate(text, what, int(topology.bandwidth[link]))))
    return check_changes(topology, found)


def check_change(text: str) -> None:
    """Raise InvalidValue where no machine could make sense of a link change."""
    _, _, what = _words(text)
    _rate(text, what, PER_BILLION)


def _words(text: str) -> tuple[int, str, str]:
    """Return (time, link, what becomes of it) of a text; InvalidValue where it is none."""
    when, colon, rest = text.partition(":")
    name, equals, what = (word.strip() for word in rest.rpartition("="))
    if not colon or not equals or not name or not what:
        raise InvalidValue(
            f"Cannot read the link change '{text}'; write it as TIME:LINK=RATE, a share, fail or restore, like "
            "'5ms:h0->h1=0.5' or '1ms:h0-h1=fail'."
        )
    return parse_time(when.strip()), name, what


def _rate(text: str, what: str, first: int) -> int:
    if what in ("fail", "restore"):
        return 0 if what == "fail" else first
    try:
        share = float(what)
    except ValueError:
        return parse_bandwidth(what)
    if not 0 < share < float("inf"):
        raise InvalidValue(f"The share '{what}' in the link change '{text}' is not above zero; to cut a link, say fail.")
    rate = round(first * share)
    if not 1 <= rate <= MOST_RATE:
        raise InvalidValue(f"The link change '{text}' makes {rate} bytes/s; a link has 1 to 10^18.")
    return rate


def check_changes(topology: Topology, changes: Sequence[LinkChange]) -> tuple[LinkChange, ...]:
    """Return `changes` in order; InvalidValue for a link that does not exist or changes twice in one tick."""
    ordered = tuple(sorted(changes))
    for before, after in zip((None, *ordered), ordered, strict=False):
        if not 0 <= after.link < topology.links:
            raise InvalidValue(f"A change names link {after.link}; '{topology.name}' has links 0 to {topology.links - 1}.")
        if before is not None and (before.time, before.link) == (after.time, after.link):
            raise InvalidValue(
                f"Link {topology.link_name(after.link)} changes twice at {format_time(after.time)}; keep one of the changes."
            )
    return ordered


def fastest(topology: Topology, changes: Sequence[LinkChange]) -> Topology:
    """Return the topology in which each link has the largest rate that it ever has: what bounds hold for."""
    rate = topology.bandwidth.copy()
    for change in changes:
        rate[change.link] = max(int(rate[change.link]), change.rate)
    return topology if np.array_equal(rate, topology.bandwidth) else replace(topology, bandwidth=rate)


def changes_digest(changes: Sequence[LinkChange]) -> dict[str, str]:
    """Return what a result's provenance says of `changes`: nothing where there are none."""
    rows = [(change.time, change.link, change.rate) for change in changes]
    return {"link_changes": sha256(repr(rows).encode()).hexdigest()} if rows else {}


def describe_changes(topology: Topology, changes: Sequence[LinkChange]) -> tuple[str, ...]:
    """Return each change in words: "1 ms: h0->h1 fails", "2 ms: h0->h1 is restored", "3 ms: h0->h1 at 8 GB/s"."""
    down: set[int] = set()
    words = []
    for change in changes:
        rate, first = change.rate, int(topology.bandwidth[change.link])
        back = rate == first and change.link in down
        what = "fails" if not rate else "is restored" if back else f"at {format_bandwidth(rate)}"
        (down.discard if rate else down.add)(change.link)
        words.append(f"{format_time(change.time)}: {topology.link_name(change.link)} {what}")
    return tuple(words)
