"""Where ranks run: in order, shuffled, or as a file says; a rank is a number, a host a node of the topology."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from collsim.errors import FileFormatError, InvalidValue, UnknownName, nearest
from collsim.topology.graph import Topology
from collsim.units import parse_count

__all__ = ["place"]


def place(
    machine: Topology, placement: str | Sequence[int | str], hosts: Sequence[int | str] | None
) -> tuple[tuple[int, ...], str]:
    """Return (host of each rank, the placement in words).

    `placement`: "linear", "random:SEED", a file, or the host of each rank; `hosts`: the group, default all; lists hold
    numbers or names. Raises InvalidValue for anything but two or more distinct hosts, UnknownName and FileFormatError for
    a file's words.
    """
    group, where = list(range(machine.hosts)) if hosts is None else _numbers(machine, hosts, "hosts"), "linear"
    if not isinstance(placement, str):
        group, where = _numbers(machine, placement, "placement"), "as given"
    elif placement.startswith("random:") or placement == "random":
        random.Random(parse_count(placement[7:] or "0", "placement seed")).shuffle(group)
        where = placement
    elif placement != "linear":
        chosen, where = _read_placement(machine, placement), placement
        if hosts is not None and set(chosen) != set(group):
            raise InvalidValue(f"The placement '{placement}' names other hosts than the group.")
        group = chosen
    if len(group) < 2 or len(set(group)) != len(group) or not 0 <= min(group) <= max(group) < machine.hosts:
        raise InvalidValue(f"A group is 2 or more distinct hosts between 0 and {machine.hosts - 1}, not {group[:8]}.")
    return tuple(group), where


def _numbers(machine: Topology, hosts: Sequence[int | str], what: str) -> list[int]:
    """Return the hosts of a list of numbers and names."""
    if isinstance(hosts, str) or not hasattr(hosts, "__iter__"):
        raise InvalidValue(f"The {what} {hosts!r} are no list; write one of numbers or names, like [0, 1, 2, 3].")
    names = {name: host for host, name in enumerate(machine.names[: machine.hosts])}
    return [names[host] if host in names else parse_count(host, f"host in {what}") for host in hosts]


def _read_placement(machine: Topology, path: str) -> list[int]:
    """Return the hosts that a file names, one a rank, by name or number; "#" starts a comment."""
    if not Path(path).is_file():
        guess = nearest(path.partition(":")[0], ("linear", "random:SEED"))
        hint = f" Did you mean '{guess}'?" if guess else ""
        raise InvalidValue(f"The placement '{path}' is neither linear, random:SEED nor a file of host names.{hint}")
    names = {name: host for host, name in enumerate(machine.names[: machine.hosts])}
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise FileFormatError(f"Cannot read the placement '{path}': {reason}; name a file of host names.") from error
    words = [word for line in text.splitlines() for word in line.partition("#")[0].split()]
    chosen = []
    for word in words:
        if word in names:
            chosen.append(names[word])
        elif word.isdigit() and int(word) < machine.hosts:
            chosen.append(int(word))
        else:
            raise UnknownName(f"host in placement '{path}'", word, names)
    if twice := [machine.names[host] for host in dict.fromkeys(chosen) if chosen.count(host) > 1]:
        raise FileFormatError(f"The placement '{path}' names {twice[0]} twice; name each host once.")
    if len(chosen) < 2:
        raise FileFormatError(f"The placement '{path}' must name 2 or more hosts; it names {len(chosen)}.")
    return chosen
