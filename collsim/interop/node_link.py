"""networkx node-link JSON, read and written: the two spellings of its list of edges, directed or not, multigraph or not.

Read without networkx, so that a mistake is reported by its place in the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from collsim.errors import FileFormatError, reason
from collsim.topology.convert import link_order, node_name
from collsim.topology.draft import Draft, DraftLink, DraftNode, check_keys, finish, links_from, node_from
from collsim.topology.files import READERS, read_text
from collsim.topology.graph import Topology
from collsim.units import PER_BILLION

__all__ = ["read_node_link", "to_node_link"]

_TOP = ("directed", "multigraph", "graph", "nodes", "links", "edges")


def read_node_link(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in a node-link JSON file; edges are under "links" or "edges", undirected ones are cables."""
    document = _document(path)
    check_keys(document, _TOP, str(path), strict=True)
    directed = _flag(document.get("directed", False), f"{path}: directed")
    _flag(document.get("multigraph", False), f"{path}: multigraph")
    graph = document.get("graph", {})
    if isinstance(graph, list):
        graph = dict(pair for pair in graph if isinstance(pair, list) and len(pair) == 2)
    name = graph.get("name") if isinstance(graph, dict) else None
    nodes, names = _nodes(document["nodes"], path)
    links: list[DraftLink] = []
    spelling = "edges" if "edges" in document else "links"
    entries = _list(document[spelling], f"{path}: {spelling}")
    edges = [_object(entry, f"{path}: {spelling}[{index}]") for index, entry in enumerate(entries)]
    for index in link_order([edge.get("key") for edge in edges]):
        place, edge = f"{path}: {spelling}[{index}]", edges[index]
        for end in ("source", "target"):
            if end not in edge:
                check_keys(edge, ("source", "target", "bandwidth", "latency", "count", "key"), place, strict=False)
                raise FileFormatError(f"{place} has no '{end}'.")
        ends = _known(edge["source"], names), _known(edge["target"], names)
        links += links_from(edge, ends, place, both_ways=not directed)
    return finish(Draft(str(name or path.stem), tuple(nodes), tuple(links)), str(path), bandwidth, latency)


def to_node_link(topology: Topology) -> dict[str, Any]:
    """Return the node-link data of `topology`, ready for json.dumps; link i is edges[i], its key is i."""
    nodes = [
        {
            "id": topology.names[node],
            "kind": "host" if node < topology.hosts else "switch",
            "forwards": bool(topology.forwards[node]),
            "x": float(topology.coordinates[node, 0]),
            "y": float(topology.coordinates[node, 1]),
        }
        for node in range(topology.nodes)
    ]
    edges = [
        {
            "source": topology.names[topology.source[link]],
            "target": topology.names[topology.target[link]],
            "key": link,
            "bandwidth": int(topology.bandwidth[link]),
            "latency_fs": int(topology.latency[link]),
        }
        | ({"loss": int(topology.loss[link]) / PER_BILLION} if topology.loss[link] else {})
        for link in range(topology.links)
    ]
    return {"directed": True, "multigraph": True, "graph": {"name": topology.name}, "nodes": nodes, "edges": edges}


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{path}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}.") from None
    except (RecursionError, ValueError) as error:
        raise FileFormatError(f"{path}: cannot be read as JSON: {reason(error)}.") from None
    if not isinstance(document, dict):
        raise FileFormatError(f"{path}: node-link JSON is an object with 'nodes' and 'edges' (or 'links').")
    if "topology-name" in document or "dimensions-count" in document:
        raise FileFormatError(
            f"{path} is a network of ASTRA-sim 1.0; write topology, npus_count, bandwidth, latency in a .yml file, as "
            "version 2 reads them."
        )
    if "nodes" not in document or not {"links", "edges"} & set(document):
        check_keys(document, _TOP, str(path), strict=True)
        raise FileFormatError(f"{path}: node-link JSON needs 'nodes' and 'edges' (or 'links').")
    return document


def _nodes(entries: object, path: Path) -> tuple[list[DraftNode], dict[object, str]]:
    nodes: list[DraftNode] = []
    names: dict[object, str] = {}
    for index, entry in enumerate(_list(entries, f"{path}: nodes")):
        place = f"{path}: nodes[{index}]"
        node = _object(entry, place)
        if "id" not in node:
            check_keys(node, ("id", "name", "kind", "forwards", "x", "y"), place, strict=False)
            raise FileFormatError(f"{place} has no 'id'.")
        identity = _identity(node["id"])
        if identity in names:
            raise FileFormatError(f"{place}: the id '{node['id']}' is stated twice.")
        names[identity] = node_name(node["id"], node)
        nodes.append(node_from(node, names[identity], place))
    return nodes, names


def _identity(value: object) -> object:
    return tuple(value) if isinstance(value, list) and all(isinstance(v, int | str) for v in value) else str(value)


def _known(value: object, names: dict[object, str]) -> str:
    """Return the name of the node an edge refers to; an unknown one is passed on for `finish` to report."""
    return names.get(_identity(value), str(value))


def _list(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise FileFormatError(f"{place} is not a list.")
    return value


def _object(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FileFormatError(f"{place} is not an object.")
    return value


def _flag(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise FileFormatError(f"{place}: '{value}' is neither true nor false.")
    return value


READERS.add(".json", read_node_link)
