"""The native format: a YAML file that states a network's nodes and links, or a family with what differs from it.

docs/topologies.md shows it. Every key is known by name, quantities are text with units, and globs over node names keep
regular machines to a few lines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collsim.errors import FileFormatError, TopologyError, reason
from collsim.topology.compose_file import read_composed
from collsim.topology.draft import (
    Draft,
    DraftLink,
    DraftNode,
    check_keys,
    finish,
    node_called,
    parallel,
    read_bandwidth,
    read_latency,
    read_loss,
    refuse_override,
)
from collsim.topology.family import DEFAULT_LINKS, LinkSpec, from_family
from collsim.topology.files import READERS, dialect_of, read_file, read_text
from collsim.topology.graph import Topology
from collsim.topology.node_names import listed, matching

__all__ = ["read_yaml"]

_COMMON = ("name", "about", "source", "assumptions", "bandwidth", "latency", "links")
_EXPLICIT = (*_COMMON, "hosts", "switches", "forwards", "levels", "coordinates")
_DERIVED = (*_COMMON, "forwards", "family", "file", "compose")
_LINK = ("between", "from", "to", "bandwidth", "latency", "loss", "count")
_RULE = ("between", "from", "to", "across", "bandwidth", "latency", "loss")


def read_yaml(
    path: Path, bandwidth: int | None = None, latency: int | None = None, chain: tuple[Path, ...] = ()
) -> Topology:
    """Return the topology of a native YAML file; `chain` holds the files that led here through `file:`."""
    document = _document(path)
    origin = str(path)
    derived = [key for key in ("family", "file", "compose") if key in document]
    check_keys(document, _DERIVED if derived else tuple(dict.fromkeys((*_EXPLICIT, *_DERIVED))), origin, strict=True)
    if not derived:
        return finish(_explicit(document, path), origin, bandwidth, latency)
    if len(derived) > 1:
        raise FileFormatError(f"{origin}: state one of {' and '.join(map(repr, derived))}, not both.")
    if derived == ["compose"]:
        refuse_override(origin, "bandwidth", bandwidth, False)
        refuse_override(origin, "latency", latency, False)
        base = read_composed(document, path, lambda rack: _other(rack, path, None, None, chain))
        return _ruled(_passing(base, document.get("forwards"), origin), document.get("links"), origin)
    own = (
        read_bandwidth(document.get("bandwidth"), f"{origin}: bandwidth"),
        read_latency(document.get("latency"), f"{origin}: latency"),
    )
    refuse_override(origin, "bandwidth", bandwidth, own[0] is None)
    refuse_override(origin, "latency", latency, own[1] is None)
    rate, delay = own[0] if own[0] is not None else bandwidth, own[1] if own[1] is not None else latency
    if derived == ["family"]:
        base = _family(str(document["family"]), origin, rate, delay)
    else:
        base = _other(document["file"], path, rate, delay, chain)
    base = replace(base, name=str(document.get("name", path.stem)), about=str(document.get("about", "")) or base.about)
    return _ruled(_passing(base, document.get("forwards"), origin), document.get("links"), origin)


def _document(path: Path) -> dict[str, object]:
    import yaml

    from collsim.topology.yaml_loader import StrictLoader

    try:
        document = yaml.load(read_text(path), Loader=StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise FileFormatError(f"{path}{place}: not YAML: {getattr(error, 'problem', None) or error}.") from None
    except (RecursionError, ValueError) as error:
        raise FileFormatError(f"{path}: cannot be read as YAML: {reason(error)}.") from None
    if not isinstance(document, dict):
        raise FileFormatError(f"{path}: a topology file is a mapping with 'family', or with 'hosts' and 'links'.")
    return document


def _family(text: str, origin: str, bandwidth: int | None, latency: int | None) -> Topology:
    from collsim.topology.resolve import refuse_of_fixed, unknown_family

    links = LinkSpec(
        DEFAULT_LINKS.bandwidth if bandwidth is None else bandwidth, DEFAULT_LINKS.latency if latency is None else latency
    )
    try:
        built = from_family(text, links)
    except TopologyError as error:
        raise FileFormatError(f"{origin}: family: {error}") from None
    if built is None:
        raise FileFormatError(f"{origin}: family: {unknown_family(text)}")
    refuse_of_fixed(text, bandwidth, latency)
    return built


def _other(value: object, path: Path, bandwidth: int | None, latency: int | None, chain: tuple[Path, ...]) -> Topology:
    other = path.parent / str(value)
    seen = (*chain, path.resolve())
    if other.resolve() in seen:
        raise FileFormatError(f"{path}: 'file' leads back to {other}; files cannot build on each other.")
    if other.suffix.lower() in (".yaml", ".yml") and dialect_of(other) is None:
        return read_yaml(other, bandwidth, latency, seen)
    return read_file(other, bandwidth, latency)


def _passing(base: Topology, value: object, origin: str) -> Topology:
    """Return `base` with the hosts that `value` picks forwarding; a graph where that changes it."""
    if value is None:
        return base
    hosts = base.names[: base.hosts]
    chosen = _forwards(value, hosts, f"{origin}: forwards")
    forwards = base.forwards.copy()
    forwards[: base.hosts] = [name in chosen for name in hosts]
    if np.array_equal(forwards, base.forwards):
        return base
    changed = replace(base, family="graph", dims=(), forwards=forwards)
    return changed.with_links(range(base.links), base.bandwidth)


def _ruled(base: Topology, rules: object, origin: str) -> Topology:
    """Return `base` with what `rules` state of rate, latency and loss for the links they match, later rules winning."""
    rate, delay, lost = base.bandwidth.copy(), base.latency.copy(), base.loss.copy()
    ids = {name: node for node, name in enumerate(base.names)}
    for index, rule in enumerate(_list(rules, f"{origin}: links")):
        place = f"{origin}: links, entry {index + 1}"
        entry = _mapping(rule, place)
        check_keys(entry, _RULE, place, strict=True)
        matched = _matched(base, ids, entry, place)
        bandwidth, latency = read_bandwidth(entry.get("bandwidth"), place), read_latency(entry.get("latency"), place)
        loss = read_loss(entry.get("loss"), place)
        if bandwidth is None and latency is None and loss is None:
            raise FileFormatError(f"{place} states neither a bandwidth nor a latency nor a loss.")
        if bandwidth is not None:
            rate[matched] = bandwidth
        if latency is not None:
            delay[matched] = latency
        if loss is not None:
            lost[matched] = loss
    return replace(base, bandwidth=rate, latency=delay, loss=lost)


def _matched(base: Topology, ids: Mapping[str, int], entry: Mapping[str, object], place: str) -> NDArray[np.int64]:
    """Return the links of `base` that a rule means; `ids` maps node names to nodes."""
    first, second, both_ways = _ends(entry, place)
    masks = np.zeros((2, base.nodes), dtype=np.bool_)
    for mask, end in zip(masks, (first, second), strict=True):
        mask[[node_called(name, ids, place) for name in matching(ids, end, place)]] = True
    chosen = masks[0, base.source] & masks[1, base.target]
    if both_ways:
        chosen |= masks[1, base.source] & masks[0, base.target]
    if "across" in entry:
        levels = {level.name: level for level in base.levels}
        check_keys([entry["across"]], tuple(levels), f"{place}, across", strict=True)
        group = np.full(base.nodes, -1)
        for index, members in enumerate(levels[str(entry["across"])].sets):
            group[list(members)] = index
        chosen &= group[base.source] != group[base.target]
    if not chosen.any():
        raise FileFormatError(f"{place}: no link joins '{first}' and '{second}'{' as asked' if 'across' in entry else ''}.")
    return np.flatnonzero(chosen)


def _ends(entry: Mapping[str, object], place: str) -> tuple[object, object, bool]:
    """Return (end, end, both ways) from `between: [a, b]` or `from: a` and `to: b`; `matching` says what an end may be."""
    if "between" in entry:
        pair = entry["between"]
        if "from" in entry or "to" in entry or not isinstance(pair, list) or len(pair) != 2:
            raise FileFormatError(
                f"{place}: write 'between: [a, b]' or '[[a, c], b]' for cables, or 'from' and 'to' for one direction."
            )
        return pair[0], pair[1], True
    if "from" not in entry or "to" not in entry:
        raise FileFormatError(f"{place}: a link needs 'between: [a, b]', or 'from' and 'to'.")
    return entry["from"], entry["to"], False


def _explicit(document: Mapping[str, object], path: Path) -> Draft:
    origin = str(path)
    if "hosts" not in document or "links" not in document:
        raise FileFormatError(f"{origin}: state 'hosts' and 'links', or 'family', or 'file'.")
    hosts = listed(document["hosts"], "h", f"{origin}: hosts")
    switches = listed(document.get("switches", 0), "s", f"{origin}: switches")
    place = _mapping(document.get("coordinates") or {}, f"{origin}: coordinates")
    check_keys(place, (*hosts, *switches), f"{origin}: coordinates", strict=True)
    forwards = _forwards(document.get("forwards"), hosts, f"{origin}: forwards")
    nodes = [DraftNode(n, True, n in forwards, _at(place.get(n), f"{origin}: coordinates of {n}")) for n in hosts]
    nodes += [DraftNode(n, False, True, _at(place.get(n), f"{origin}: coordinates of {n}")) for n in switches]
    links: list[DraftLink] = []
    known = dict.fromkeys((*hosts, *switches))
    for index, entry in enumerate(_list(document["links"], f"{origin}: links")):
        links += _cables(entry, known, f"{origin}: links, entry {index + 1}")
    levels = _mapping(document.get("levels") or {}, f"{origin}: levels")
    return Draft(
        name=str(document.get("name", path.stem)),
        nodes=tuple(nodes),
        links=tuple(links),
        about=str(document.get("about", "")),
        bandwidth=read_bandwidth(document.get("bandwidth"), f"{origin}: bandwidth"),
        latency=read_latency(document.get("latency"), f"{origin}: latency"),
        levels={
            str(name): tuple(
                matching(known, each, f"{origin}: level {name}") for each in _list(sets, f"{origin}: level {name}")
            )
            for name, sets in levels.items()
        },
    )


def _cables(entry: object, names: Collection[str], place: str) -> list[DraftLink]:
    stated = _mapping(entry, place)
    check_keys(stated, _LINK, place, strict=True)
    first, second, both_ways = _ends(stated, place)
    bandwidth = read_bandwidth(stated.get("bandwidth"), place)
    latency = read_latency(stated.get("latency"), place)
    loss = read_loss(stated.get("loss"), place) or 0
    left, right = (matching(names, end, place) for end in (first, second))
    links: list[DraftLink] = []
    seen: set[tuple[str, str]] = set()
    globbed = len(left) > 1 or len(right) > 1
    for a in left:
        for b in right:
            if globbed and (a == b or (both_ways and (b, a) in seen)):
                continue
            seen.add((a, b))
            links += parallel(DraftLink(a, b, bandwidth, latency, place, loss), stated.get("count"), both_ways)
    return links


def _forwards(value: object, hosts: tuple[str, ...], place: str) -> frozenset[str]:
    """Return the hosts that forward: none by default, all for true, else those a list of names and globs picks."""
    if value is None or value is False:
        return frozenset()
    if value is True:
        return frozenset(hosts)
    chosen = matching(hosts, value, place)
    check_keys(chosen, hosts, place, strict=True)
    return frozenset(chosen)


def _at(value: object, place: str) -> tuple[float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, int | float) for v in value):
        raise FileFormatError(f"{place}: '{value}' is not a pair of numbers [x, y].")
    return float(value[0]), float(value[1])


def _list(value: object, place: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise FileFormatError(f"{place}: '{value}' is not a list.")
    return value


def _mapping(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FileFormatError(f"{place}: '{value}' is not a mapping of keys to values.")
    return {str(key): item for key, item in value.items()}


READERS.add(".yaml", read_yaml, aliases=(".yml",))
