"""BookSim's anynet files, read and written: routers, the nodes on them and the routers they are linked to.

A line is `router R` and then any number of `node N` and `router M`, each with a latency in cycles behind it, else 1. Both
directions exist, but between routers **a latency is that of the direction stated**: the way back has one cycle unless a line
states it, too. That of a node and its router is of both ways. Source: booksim2, src/networks/anynet.cpp.
"""

from __future__ import annotations

import re
from pathlib import Path

from collsim.errors import FileFormatError, TopologyError
from collsim.topology.draft import Draft, DraftLink, DraftNode, finish
from collsim.topology.family import MAX_LINKS
from collsim.topology.files import DIALECTS, Dialect, read_text
from collsim.topology.graph import Topology

__all__ = ["CYCLE", "read_anynet", "to_anynet"]

CYCLE = 10**6
"""A cycle in fs where none is asked for: 1 ns, that is a clock of 1 GHz."""
_MOST_CYCLES = 10**9
_FIRST = re.compile(r"\s*(router|node)\s+\d+(\s|$)")
Ends = tuple[tuple[str, int], tuple[str, int]]


def read_anynet(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in the anynet file at `path`: node i is host "n<i>", router r switch "r<r>".

    `latency` is that of one cycle, default 1 ns; the file has no rates, so `bandwidth` or 16 GB/s is that of every link.
    Raises FileFormatError with the line for what cannot be read and for a node on two routers.
    """
    origin, cycle = str(path), CYCLE if latency is None else latency
    stated: dict[Ends, tuple[int, int]] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            _line(line.split(), stated, f"{origin}, line {number}")
    if len(stated) > MAX_LINKS:
        raise FileFormatError(f"{origin} states {len(stated):,} links, more than the {MAX_LINKS:,} allowed.")
    homes: dict[int, int] = {}
    for (a, b), (_, number) in stated.items():
        node, router = (a, b) if a[0] == "node" else (b, a)
        if node[0] == "node" and homes.setdefault(node[1], router[1]) != router[1]:
            raise FileFormatError(
                f"{origin}, line {number}: node {node[1]} is on router {homes[node[1]]} already; a node has one router."
            )
    links = []
    for (a, b), (cycles, number) in stated.items():
        place = f"{origin}, line {number}"
        links.append(DraftLink(_name(a), _name(b), None, cycles * cycle, place))
        if (b, a) not in stated:
            back = 1 if a[0] == b[0] else cycles
            links.append(DraftLink(_name(b), _name(a), None, back * cycle, place))
    ends = sorted({end for pair in stated for end in pair})
    nodes = tuple(DraftNode(_name(end), end[0] == "node") for end in ends)
    return finish(Draft(path.stem, nodes, tuple(links), "anynet of BookSim"), origin, bandwidth)


def to_anynet(topology: Topology, cycle: int = CYCLE) -> str:
    """Return `topology` as an anynet file, latencies in cycles of `cycle` fs; rates, names and losses have no place in it.

    Raises TopologyError for hosts that pass traffic on or are on no or several switches, parallel and one-way links,
    different rates, and latencies that are not whole cycles, of which BookSim has at least one.
    """
    if topology.forwards[: topology.hosts].any():
        raise TopologyError(f"Hosts of '{topology.name}' pass traffic on; nodes of anynet do not.")
    if len(set(topology.bandwidth.tolist())) > 1:
        raise TopologyError(f"Links of '{topology.name}' have different rates, which anynet cannot say.")
    lines: dict[int, list[str]] = {router: [] for router in range(topology.switches)}
    for link in range(topology.links):
        source, target = int(topology.source[link]), int(topology.target[link])
        name, delay = topology.link_name(link), int(topology.latency[link])
        back = topology.links_between(target, source)
        if len(topology.links_between(source, target)) > 1 or not back:
            raise TopologyError(f"Link {name} of '{topology.name}' is one of several or has none back; anynet has pairs.")
        if delay % cycle or not delay:
            raise TopologyError(f"The latency of link {name} is no whole number of cycles of {cycle} fs, at least 1.")
        if target < topology.hosts and source < topology.hosts:
            raise TopologyError(f"Link {name} of '{topology.name}' joins two hosts; nodes of anynet are on routers.")
        if source < topology.hosts:
            if int(topology.latency[back[0]]) != delay or len(topology.out_links[source]) != 1:
                raise TopologyError(
                    f"Host {topology.names[source]} of '{topology.name}' is not on one router, alike both ways."
                )
            continue
        kind, which = ("node", target) if target < topology.hosts else ("router", target - topology.hosts)
        lines[source - topology.hosts].append(f"{kind} {which} {delay // cycle}")
    return "".join(f"router {router} {' '.join(parts)}\n" for router, parts in lines.items())


def _line(words: list[str], stated: dict[Ends, tuple[int, int]], place: str) -> None:
    """Note the links of one line as {(end, end): (cycles, line)}."""
    number = int(place.rpartition(" ")[2])
    if len(words) < 2 or words[0] not in ("router", "node"):
        raise FileFormatError(f"{place}: '{words[0]}' starts no line of anynet; one is like 'router 0 node 0 router 1 5'.")
    head, at = (words[0], _whole(words[1], f"{words[0]} number", place)), 2
    if len(words) == 2:
        raise FileFormatError(f"{place}: {words[0]} {words[1]} is linked to nothing.")
    while at < len(words):
        kind = words[at]
        if kind not in ("router", "node"):
            raise FileFormatError(f"{place}: '{kind}' is neither router nor node.")
        if at + 1 == len(words):
            raise FileFormatError(f"{place}: the line is cut off after '{kind}'.")
        end = (kind, _whole(words[at + 1], f"{kind} number", place))
        at += 2
        cycles = 1
        if at < len(words) and words[at] not in ("router", "node"):
            cycles = _whole(words[at], "latency", place)
            at += 1
        if head == end:
            raise FileFormatError(f"{place}: {kind} {end[1]} is linked to itself.")
        if head[0] == end[0] == "node":
            raise FileFormatError(f"{place}: nodes {head[1]} and {end[1]} are linked; a node is on a router.")
        if (head, end) in stated and stated[head, end][0] != cycles:
            raise FileFormatError(f"{place}: this link has {stated[head, end][0]} cycles in line {stated[head, end][1]}.")
        stated.setdefault((head, end), (cycles, number))


def _whole(word: str, what: str, place: str) -> int:
    if not re.fullmatch(r"\d{1,10}", word) or int(word) > _MOST_CYCLES:
        raise FileFormatError(f"{place}: the {what} '{word}' is not a whole number up to 10^9.")
    return int(word)


def _name(end: tuple[str, int]) -> str:
    return f"{end[0][0]}{end[1]}"


DIALECTS.add(
    "anynet",
    Dialect("anynet of BookSim", ("", ".txt", ".anynet"), lambda text: _FIRST.match(text) is not None, read_anynet),
)
