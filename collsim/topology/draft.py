"""A topology as a file states it, before it is checked: what every reader yields and `finish` turns into a Topology.

Readers only translate; the rules are here, once: which node is a host, what a link without a rate gets, how a cable
becomes two links, and how every mistake is reported with the file and the place in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from collsim.errors import FileFormatError, InvalidValue, TopologyError, nearest
from collsim.topology.family import DEFAULT_LINKS, MAX_LINKS
from collsim.topology.graph import Level, Link, Topology, build
from collsim.topology.layout import by_distance
from collsim.units import parse_bandwidth, parse_count, parse_loss, parse_time

__all__ = [
    "Draft",
    "DraftLink",
    "DraftNode",
    "check_keys",
    "finish",
    "node_called",
    "links_from",
    "parallel",
    "read_flag",
    "node_from",
    "read_bandwidth",
    "read_latency",
    "read_loss",
    "refuse_override",
]

HOST_KINDS = ("host", "gpu", "npu", "accelerator", "node")
SWITCH_KINDS = ("switch", "router")
NODE_KEYS = ("id", "name", "label", "kind", "type", "forwards", "x", "y")
LINK_KEYS = ("source", "target", "key", "id", "bandwidth", "latency", "latency_fs", "loss", "count")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True, slots=True)
class DraftNode:
    """A node: unique `name`; `host` or switch; `forwards` None for the rule (switches do, hosts do not); where drawn."""

    name: str
    host: bool = True
    forwards: bool | None = None
    at: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class DraftLink:
    """A directed link between named nodes; bytes/s and fs, None where not stated; packets lost of a billion.

    `place` names file and entry in errors.
    """

    source: str
    target: str
    bandwidth: int | None
    latency: int | None
    place: str
    loss: int = 0


@dataclass(frozen=True)
class Draft:
    """What a file states; `bandwidth` and `latency` are its defaults for links that state none."""

    name: str
    nodes: tuple[DraftNode, ...]
    links: tuple[DraftLink, ...]
    about: str = ""
    bandwidth: int | None = None
    latency: int | None = None
    levels: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)


def finish(draft: Draft, origin: str, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the Topology of `draft`, hosts first in their order, then switches; links keep their order.

    `bandwidth`, `latency`: what the caller asks for; they serve links that state none, else they are refused. `origin`
    names the file. Raises FileFormatError for the draft's mistakes and TopologyError for graphs that cannot be simulated.
    """
    if len(draft.links) > MAX_LINKS:
        raise FileFormatError(f"{origin} states {len(draft.links):,} directed links, more than the {MAX_LINKS:,} allowed.")
    refuse_override(
        origin, "bandwidth", bandwidth, draft.bandwidth is None and any(k.bandwidth is None for k in draft.links)
    )
    refuse_override(origin, "latency", latency, draft.latency is None and any(k.latency is None for k in draft.links))
    ordered = [n for n in draft.nodes if n.host] + [n for n in draft.nodes if not n.host]
    ids: dict[str, int] = {}
    for node in ordered:
        if node.name in ids:
            raise FileFormatError(f"{origin}: node '{node.name}' is stated twice; give every node its own name.")
        ids[node.name] = len(ids)
    rate = _first(draft.bandwidth, bandwidth, DEFAULT_LINKS.bandwidth)
    delay = _first(draft.latency, latency, DEFAULT_LINKS.latency)
    links = []
    for k in draft.links:
        ends = [node_called(name, ids, k.place) for name in (k.source, k.target)]
        if ends[0] == ends[1]:
            raise FileFormatError(f"{k.place} joins '{k.source}' to itself; remove it.")
        links.append(Link(ends[0], ends[1], _first(k.bandwidth, rate), _first(k.latency, delay), k.loss))
    hosts = sum(n.host for n in ordered)
    placed = [n.at for n in ordered if n.at is not None]
    if placed and len(placed) < len(ordered):
        lost = next(n.name for n in ordered if n.at is None)
        raise FileFormatError(f"{origin}: node '{lost}' has no coordinates but others have; give all of them or none.")
    levels = [
        Level(name, tuple(tuple(node_called(m, ids, f"{origin}: level '{name}'") for m in members) for members in sets))
        for name, sets in draft.levels.items()
    ]
    try:
        return build(
            draft.name,
            hosts,
            links,
            switches=len(ordered) - hosts,
            names=[n.name for n in ordered],
            forwards=[not n.host if n.forwards is None else n.forwards for n in ordered],
            coordinates=placed or by_distance(hosts, [(k.source, k.target) for k in links], len(ordered)),
            levels=tuple(levels),
            about=draft.about,
        )
    except TopologyError as error:
        raise TopologyError(f"{origin}: {error}") from None


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def node_called(name: str, ids: Mapping[str, int], place: str) -> int:
    """Return the node of that name; FileFormatError with the nearest one, or with what a pattern may hold."""
    if name not in ids:
        guess = nearest(name, ids)
        hint = f" Did you mean '{guess}'?" if guess else ""
        if set("*?[{") & set(name):
            hint = " A pattern may hold *, ? and [0-3], and has to match a node; a range is written gpu8..15."
        raise FileFormatError(f"{place} names the node '{name}', which is not among the nodes.{hint}")
    return ids[name]


def refuse_override(origin: str, what: str, asked: int | None, open_: bool) -> None:
    """Raise InvalidValue when the caller asks for a bandwidth or latency (`what`) that no link leaves open."""
    if asked is not None and not open_:
        raise InvalidValue(
            f"{origin} states the {what} of its links, so another {what} cannot be asked for; "
            f"leave it out, or change the {what} in a copy of the file."
        )


def check_keys(found: Iterable[object], known: tuple[str, ...], place: str, *, strict: bool) -> None:
    """Raise FileFormatError for a key not in `known`; unless `strict`, only for one that looks like a misspelling."""
    for key in found:
        text = str(key)
        if text in known:
            continue
        near = get_close_matches(text.lower(), known, n=1, cutoff=0.55 if strict else 0.75)
        if near or strict:
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise FileFormatError(f"{place}: unknown key '{text}'.{hint} Known: {', '.join(known)}.")


def read_bandwidth(value: object, place: str) -> int | None:
    """Return bytes/s from text or a number, None for None or ''; FileFormatError names the place."""
    if value is None or value == "":
        return None
    try:
        return parse_bandwidth(_scalar(value))
    except InvalidValue as error:
        raise FileFormatError(f"{place}: {error}") from None


def read_latency(value: object, place: str) -> int | None:
    """Return fs from text with a unit (or 0), None for None or ''; FileFormatError names the place."""
    if value is None or value == "":
        return None
    try:
        return parse_time(str(_scalar(value)))
    except InvalidValue as error:
        raise FileFormatError(f"{place}: {error}") from None


def read_loss(value: object, place: str) -> int | None:
    """Return packets lost of a billion from a share (1e-6, "0.0001%"), None for nothing; FileFormatError names the place."""
    if value is None or value == "":
        return None
    try:
        return parse_loss(_scalar(value))
    except InvalidValue as error:
        raise FileFormatError(f"{place}: {error}") from None


def _scalar(value: object) -> str | int | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidValue(f"'{value}' is not a quantity; write it like 16GB/s or 150ns.")
    return value


def node_from(attributes: Mapping[str, object], name: str, place: str) -> DraftNode:
    """Return a node from the attributes of a foreign graph: kind or type, forwards, x and y; without kind it is a host."""
    check_keys(attributes, NODE_KEYS, place, strict=False)
    at = None
    if "x" in attributes and "y" in attributes:
        try:
            at = float(str(attributes["x"])), float(str(attributes["y"]))
        except ValueError:
            raise FileFormatError(
                f"{place}: the coordinates ({attributes['x']}, {attributes['y']}) are not numbers."
            ) from None
    forwards = attributes.get("forwards")
    return DraftNode(name, _is_host(attributes, place), None if forwards is None else read_flag(forwards, place), at)


def _is_host(attributes: Mapping[str, object], place: str) -> bool:
    value = attributes.get("kind", attributes.get("type"))
    if value is None or value == "":
        return True
    kind = str(value).strip().lower()
    if kind in HOST_KINDS or kind in SWITCH_KINDS:
        return kind in HOST_KINDS
    known = HOST_KINDS + SWITCH_KINDS
    guess = nearest(kind, known)
    hint = f" Did you mean '{guess}'?" if guess else ""
    raise FileFormatError(f"{place}: unknown kind '{value}'.{hint} Known: {', '.join(known)}.")


def read_flag(value: object, place: str) -> bool:
    """Return a yes or no (true/false, yes/no, 1/0); FileFormatError names the place."""
    text = str(value).strip().lower()
    if text not in _TRUE + _FALSE:
        raise FileFormatError(f"{place}: '{value}' is neither yes nor no; write true or false.")
    return text in _TRUE


def links_from(attributes: Mapping[str, object], ends: tuple[str, str], place: str, *, both_ways: bool) -> list[DraftLink]:
    """Return the links of one edge of a foreign graph: bandwidth, latency (or latency_fs) and count of parallel links."""
    check_keys(attributes, LINK_KEYS, place, strict=False)
    latency = read_latency(attributes.get("latency"), place)
    if latency is None and attributes.get("latency_fs") is not None:
        latency = read_latency(f"{attributes['latency_fs']}fs", place)
    link = DraftLink(
        *ends,
        read_bandwidth(attributes.get("bandwidth"), place),
        latency,
        place,
        read_loss(attributes.get("loss"), place) or 0,
    )
    return parallel(link, attributes.get("count"), both_ways)


def parallel(link: DraftLink, count: object, both_ways: bool) -> list[DraftLink]:
    """Return `link` `count` times (default 1), or as many cables of two links each where `both_ways`, there before back."""
    place = link.place
    try:
        times = 1 if count is None or count == "" else parse_count(str(count), "count", least=1)
    except InvalidValue as error:
        raise FileFormatError(f"{place}: {error}") from None
    if times > MAX_LINKS:
        raise FileFormatError(f"{place}: {times} parallel links are more than the {MAX_LINKS:,} allowed.")
    cable = [link]
    if both_ways:
        cable.append(replace(link, source=link.target, target=link.source))
    return cable * times
