"""Links that change during a run (rule 27): from a time on another rate or loss, none at all, or the first ones again.

Changes are an input of a run, beside the program, and not a part of the topology: buffers, routes and estimates are laid out
for the machine as it is at the start. Texts such as "5ms:h0->h1=0.5" name links as topology/faults.py does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.topology.faults import find_links
from collsim.topology.graph import Topology
from collsim.units import (
    MAX_TIME,
    PER_BILLION,
    format_bandwidth,
    format_loss,
    format_time,
    parse_bandwidth,
    parse_loss,
    parse_time,
)

__all__ = [
    "FIRST",
    "LinkChange",
    "changes_digest",
    "check_change",
    "check_changes",
    "describe_changes",
    "fastest",
    "first_loss",
    "parse_changes",
    "settled",
]

MOST_RATE = 10**18
FIRST = -1
"""The loss of a change that brings back what the link lost at the start of the run."""


@dataclass(frozen=True, slots=True, order=True)
class LinkChange:
    """What becomes of link `link` (an id) for the packets granted it from tick `time` (fs) on.

    They take it at `rate` bytes/s, 0: nothing is granted; `loss` of a billion of them are lost, 10^9: all, FIRST: as many as
    at the start. None leaves either as it is. Raises InvalidValue for a time outside the clock, a rate outside 0 to 10^18, a
    loss outside 0 to 10^9, and for a change of nothing.
    """

    time: int
    link: int
    rate: int | None = None
    loss: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.time <= MAX_TIME:
            raise InvalidValue(f"A link cannot change at {self.time} fs; give a time from 0 to the clock's 2.56 hours.")
        if self.rate is None and self.loss is None:
            raise InvalidValue(f"A change of link {self.link} changes nothing; give it a rate or a loss.")
        if self.rate is not None and not 0 <= self.rate <= MOST_RATE:
            raise InvalidValue(f"A link cannot change to {self.rate} bytes/s; give 1 to 10^18, or 0 for a failure.")
        if self.loss is not None and not FIRST <= self.loss <= PER_BILLION:
            raise InvalidValue(f"A link cannot lose {self.loss} packets of a billion; give 0 to 10^9, which is all of them.")


def parse_changes(topology: Topology, texts: Iterable[str | LinkChange]) -> tuple[LinkChange, ...]:
    """Return the changes that texts "TIME:LINK=RATE|SHARE|loss:P|fail|drop|restore" mean, in order of (time, link).

    A share is one of the link's rate in `topology`; `drop` loses every packet; `restore` brings back rate and loss of the
    start; a cable "a-b" is two links. Raises InvalidValue for a text that cannot be read, UnknownName for an unknown link.
    """
    found: list[LinkChange] = []
    for text in texts:
        if isinstance(text, LinkChange):
            found.append(text)
            continue
        time, name, what = _read(text)
        for link in find_links(topology, name):
            found.append(LinkChange(time, link, *_becomes(text, what, int(topology.bandwidth[link]))))
    return check_changes(topology, found)


def check_change(text: str) -> None:
    """Raise InvalidValue where no machine could make sense of a link change."""
    _, _, what = _read(text)
    _becomes(text, what, PER_BILLION)


def _read(text: str) -> tuple[int, str, str]:
    """Return (time, link, what becomes of it) of a text; InvalidValue where it is none."""
    when, colon, rest = text.partition(":")
    name, equals, what = (word.strip() for word in rest.rpartition("="))
    if not colon or not equals or not name or not what:
        raise InvalidValue(
            f"Cannot read the link change '{text}'; write it as TIME:LINK=RATE, a share, loss:P, fail, drop or restore, "
            "like '5ms:h0->h1=0.5' or '1ms:h0-h1=fail'."
        )
    return parse_time(when.strip()), name, what


def _becomes(text: str, what: str, first: int) -> tuple[int | None, int | None]:
    """Return (rate, loss) of a change, None for what it leaves; `first` is the rate at the start."""
    if what == "drop":
        return None, PER_BILLION
    if what.startswith("loss:"):
        return None, parse_loss(what.removeprefix("loss:").strip())
    return (first, FIRST) if what == "restore" else (_rate(text, what, first), None)


def _rate(text: str, what: str, first: int) -> int:
    if what == "fail":
        return 0
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
    ordered = tuple(sorted(changes, key=lambda change: (change.time, change.link)))
    for before, after in zip((None, *ordered), ordered, strict=False):
        if not 0 <= after.link < topology.links:
            raise InvalidValue(f"A change names link {after.link}; '{topology.name}' has links 0 to {topology.links - 1}.")
        if before is not None and (before.time, before.link) == (after.time, after.link):
            raise InvalidValue(
                f"Link {topology.link_name(after.link)} changes twice at {format_time(after.time)}; keep one of the changes."
            )
    return ordered


def first_loss(topology: Topology, network: NetworkConfig) -> NDArray[np.int64]:
    """Return int64[L], packets of a billion that each link loses at the start: its own, or where it has none the setting."""
    return np.where(topology.loss > 0, topology.loss, parse_loss(network.transport.loss))


def settled(topology: Topology, network: NetworkConfig, changes: Sequence[LinkChange]) -> tuple[LinkChange, ...]:
    """Return `changes`, which are in order, each with the rate and the loss that its link has from then on."""
    rate, loss = topology.bandwidth.tolist(), first_loss(topology, network).tolist()
    start, found = list(loss), []
    for change in changes:
        link = change.link
        rate[link] = rate[link] if change.rate is None else change.rate
        if change.loss is not None:
            loss[link] = start[link] if change.loss == FIRST else change.loss
        found.append(replace(change, rate=rate[link], loss=loss[link]))
    return tuple(found)


def fastest(topology: Topology, changes: Sequence[LinkChange]) -> Topology:
    """Return the topology in which each link has the largest rate that it ever has: what bounds hold for."""
    rate = topology.bandwidth.copy()
    for change in changes:
        rate[change.link] = max(int(rate[change.link]), change.rate or 0)
    return topology if np.array_equal(rate, topology.bandwidth) else replace(topology, bandwidth=rate)


def changes_digest(changes: Sequence[LinkChange]) -> dict[str, str]:
    """Return what a result's provenance says of `changes`: nothing where there are none."""
    lossy = any(change.loss is not None and change.loss != FIRST for change in changes)
    rows = [(c.time, c.link, c.rate, c.loss)[: 4 if lossy else 3] for c in changes]
    return {"link_changes": sha256(repr(rows).encode()).hexdigest()} if rows else {}


def describe_changes(topology: Topology, changes: Sequence[LinkChange]) -> tuple[str, ...]:
    """Return each change in words: "1 ms: h0->h1 fails", "2 ms: h0->h1 loses 90 % of packets", "3 ms: h0->h1 at 8 GB/s"."""
    bad: set[int] = set()
    words = []
    for change in changes:
        link, first = change.link, int(topology.bandwidth[change.link])
        back = link in bad and change.rate == first and change.loss in (None, FIRST)
        what = "is restored" if back else ", ".join(_words(change))
        (bad.add if change.rate == 0 or (change.loss or 0) > 0 else bad.discard)(link)
        words.append(f"{format_time(change.time)}: {topology.link_name(link)} {what}")
    return tuple(words)


def _words(change: LinkChange) -> list[str]:
    words = []
    if change.rate is not None:
        words.append(f"at {format_bandwidth(change.rate)}" if change.rate else "fails")
    if change.loss is not None and (change.loss != FIRST or change.rate is None):
        shares = {PER_BILLION: "drops everything", 0: "loses no packets", FIRST: "loses packets as at the start"}
        words.append(shares.get(change.loss, f"loses {format_loss(100 * change.loss)} % of packets"))
    return words
