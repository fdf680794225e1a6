"""Link lists of the ns-3 back ends: the physical topology of ASTRA-sim and of SimAI, read and written.

Line 1 counts: `nodes switches links` (ASTRA-sim), or `nodes GPUs-per-server NVSwitches switches links GPU-type` (SimAI).
Line 2 names the switches by number. Then a cable a line: `a b 200Gbps 0.0005ms 0`, the last being the share of packets lost.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from collsim.errors import FileFormatError, InvalidValue, TopologyError
from collsim.topology.draft import Draft, DraftLink, DraftNode, finish, parallel, read_bandwidth, read_latency, read_loss
from collsim.topology.family import MAX_LINKS
from collsim.topology.files import DIALECTS, Dialect, read_text
from collsim.topology.graph import Topology
from collsim.units import format_loss

__all__ = ["read_link_list", "to_link_list"]

_COUNTS = re.compile(r"\s*\d+(\s+\d+){2}(\s+\d+\s+\d+(\s+\S+)?)?\s*")
_LINK_HEAD = "a b 200Gbps 0.0005ms 0"


def read_link_list(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in the link list at `path`; each line is a cable, node i that is no switch a host "h<i>".

    Switches are "s<i>"; SimAI's servers become the level "server". Raises FileFormatError with the line for counts that do
    not agree with the list and for what cannot be read.
    """
    origin = str(path)
    lines = [(n, line) for n, whole in enumerate(read_text(path).splitlines(), 1) if (line := whole.split("#")[0].strip())]
    counts = _header(lines[0] if lines else (1, ""), origin)
    nodes, switches, links, servers = counts
    stated = lines[1] if len(lines) > 1 else (lines[0][0] + 1, "")
    inside = _switches(stated, switches, nodes, origin)
    names = [f"{'s' if i in inside else 'h'}{i}" for i in range(nodes)]
    rest = lines[2:] if switches else lines[1:]  # without switches their line is empty
    _check_count(rest, links, lines[0][0] if lines else 1, origin)
    cables = [cable for number, line in rest[:links] for cable in _cable(line, names, f"{origin}, line {number}")]
    drafted = tuple(DraftNode(name, i not in inside) for i, name in enumerate(names))
    hosts = [node.name for node in drafted if node.host]
    sets = tuple(tuple(hosts[k : k + servers]) for k in range(0, len(hosts), servers)) if servers else ()
    levels = {"server": sets} if 1 < len(sets) < len(hosts) else {}
    draft = Draft(path.stem, drafted, tuple(cables), "link list of ns-3", levels=levels)
    return finish(draft, origin, bandwidth, latency)


def to_link_list(topology: Topology) -> str:
    """Return `topology` as ASTRA-sim's ns-3 back end reads it, nodes by their number here.

    Raises TopologyError for a link without an equal one back and for hosts that pass traffic on; names, levels and
    coordinates are lost.
    """
    if topology.forwards[: topology.hosts].any():
        raise TopologyError(f"Hosts of '{topology.name}' pass traffic on, which a link list of ns-3 cannot say.")
    rows, open_ = [], dict[tuple[int, int, int, int, int], int]()
    for link in range(topology.links):
        ends = int(topology.source[link]), int(topology.target[link])
        what = int(topology.bandwidth[link]), int(topology.latency[link]), int(topology.loss[link])
        back = (ends[1], ends[0], *what)
        if open_.get(back, 0):
            open_[back] -= 1
            continue
        open_[(*ends, *what)] = open_.get((*ends, *what), 0) + 1
        rows.append(f"{ends[0]} {ends[1]} {_rate(what[0])} {_decimal(Fraction(what[1], 10**12))}ms {format_loss(what[2])}")
    lonely = next((key for key, left in open_.items() if left), None)
    if lonely is not None:
        a, b = (topology.names[node] for node in lonely[:2])
        raise TopologyError(f"The link from {a} to {b} has no equal one back, and a line of a link list is both.")
    switches = " ".join(str(node) for node in range(topology.hosts, topology.nodes))
    return "\n".join([f"{topology.nodes} {topology.switches} {len(rows)}", switches, *rows]) + "\n"


def _check_count(rest: list[tuple[int, str]], links: int, head: int, origin: str) -> None:
    """Hold the list to the count in line `head`. Text behind the last link, as published files have it, is passed over."""
    if len(rest) < links:
        raise FileFormatError(f"{origin}, line {head}: the header counts {links} links and the list has {len(rest)}.")
    for number, line in rest[links:]:
        words = line.split()
        if len(words) > 1 and words[0].isdigit() and words[1].isdigit():
            raise FileFormatError(
                f"{origin}, line {number}: the header counts {links} links and the list goes on, where ns-3 stops reading; "
                f"correct the count in line {head}, or end the list."
            )


def _header(line: tuple[int, str], origin: str) -> tuple[int, int, int, int]:
    """Return (nodes, switches, links, GPUs a server or 0) of the first line."""
    number, text = line
    words = text.split()
    numbers = words[: 5 if len(words) in (5, 6) else 3]
    if len(words) not in (3, 5, 6) or not all(re.fullmatch(r"\d{1,9}", word) for word in numbers):
        raise FileFormatError(
            f"{origin}, line {number}: '{text[:60]}' is neither 'nodes switches links' nor 'nodes GPUs-per-server "
            "NVSwitches switches links GPU-type'."
        )
    values = [int(word) for word in numbers]
    nodes, links = values[0], values[-1]
    switches = values[1] if len(values) == 3 else values[2] + values[3]
    if max(nodes, links) > MAX_LINKS:
        raise FileFormatError(f"{origin}, line {number}: {nodes} nodes and {links} links are more than {MAX_LINKS:,} each.")
    if switches > nodes:
        raise FileFormatError(f"{origin}, line {number}: {switches} of {nodes} nodes are switches.")
    return nodes, switches, links, values[1] if len(values) == 5 else 0


def _switches(line: tuple[int, str], count: int, nodes: int, origin: str) -> set[int]:
    number, text = line
    if not count:
        return set()
    found: set[int] = set()
    for word in text.split():
        if not re.fullmatch(r"\d{1,9}", word) or int(word) >= nodes:
            raise FileFormatError(f"{origin}, line {number}: '{word}' is no node; nodes are 0 to {nodes - 1}.")
        found.add(int(word))
    if len(found) != count or len(text.split()) != count:
        raise FileFormatError(
            f"{origin}, line {number}: the header counts {count} switches and this line names {len(text.split())}."
        )
    return found


def _cable(line: str, names: list[str], place: str) -> list[DraftLink]:
    words = line.split()
    if len(words) != 5:
        raise FileFormatError(f"{place} has {len(words)} words; a link is five, like '{_LINK_HEAD}'.")
    for word in words[:2]:
        if not re.fullmatch(r"\d{1,9}", word) or int(word) >= len(names):
            raise FileFormatError(f"{place}: '{word}' is no node; nodes are 0 to {len(names) - 1}.")
    ends = names[int(words[0])], names[int(words[1])]
    if words[2].isdigit():
        raise FileFormatError(f"{place}: the rate '{words[2]}' has no unit; write it like 200Gbps.")
    return parallel(
        DraftLink(
            *ends, read_bandwidth(words[2], place), read_latency(words[3], place), place, read_loss(words[4], place) or 0
        ),
        None,
        both_ways=True,
    )


def _rate(rate: int) -> str:
    return f"{_decimal(Fraction(8 * rate, 10**9))}Gbps"


def _decimal(value: Fraction) -> str:
    """Return `value`, whose denominator divides a power of ten, exactly."""
    digits = 0
    while value.denominator != 1 and digits < 40:
        value, digits = value * 10, digits + 1
    if value.denominator != 1:
        raise InvalidValue(f"{value} has no end as a decimal number.")
    text = str(value.numerator).rjust(digits + 1, "0")
    return text if not digits else f"{text[:-digits]}.{text[-digits:]}"


DIALECTS.add(
    "link-list",
    Dialect(
        "a link list of ns-3 (ASTRA-sim, SimAI)",
        ("", ".txt", ".topo"),
        lambda text: _COUNTS.fullmatch(text.lstrip().split("\n")[0]) is not None,
        read_link_list,
    ),
)
