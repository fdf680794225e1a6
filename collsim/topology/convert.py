"""From networkx graphs to topologies: the reverse of `Topology.to_networkx`, for graphs of any origin.

Nodes are hosts unless an attribute `kind` (or `type`) says switch; edges carry bandwidth, latency and count as in files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from collsim.errors import FileFormatError
from collsim.topology.draft import Draft, DraftLink, DraftNode, finish, links_from, node_from
from collsim.topology.graph import Topology

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["draft_from_networkx", "from_networkx", "link_order", "node_name"]


def from_networkx(graph: nx.Graph[Any], *, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology of any networkx graph, directed or not, multigraph or not; the family is "graph".

    `bandwidth` (bytes/s) and `latency` (fs) serve edges that state none. An undirected edge is a cable: two links. Links
    of a graph from `to_networkx` keep their ids. Raises FileFormatError for bad attributes, TopologyError for bad graphs.
    """
    return finish(draft_from_networkx(graph, "graph"), "graph", bandwidth, latency)


def draft_from_networkx(graph: nx.Graph[Any], origin: str) -> Draft:
    """Return what `graph` states; a graph attribute `name` names it, `origin` names the file in errors."""
    nodes: list[DraftNode] = []
    names: dict[object, str] = {}
    for node, attributes in graph.nodes(data=True):
        names[node] = node_name(node, attributes)
        nodes.append(node_from(_strings(attributes), names[node], f"{origin}: node '{names[node]}'"))
    links: list[DraftLink] = []
    for source, target, stated in _edges(graph):
        ends = names[source], names[target]
        place = f"{origin}: edge {ends[0]} to {ends[1]}"
        links += links_from(_strings(stated), ends, place, both_ways=not graph.is_directed())
    return Draft(str(graph.graph.get("name") or "graph"), tuple(nodes), tuple(links))


def node_name(node: object, attributes: Mapping[Any, object]) -> str:
    """Return a node's name: attribute `name`, else `label`, else its identifier, a bare number n as "n<n>"."""
    given = attributes.get("name") or attributes.get("label")
    if given:
        return str(given)
    return f"n{node}" if str(node).isdigit() else str(node)


def _edges(graph: nx.Graph[Any]) -> list[tuple[object, object, Mapping[str, object]]]:
    """Return (source, target, attributes); in the order of keys (or ids) where they number all edges, as link ids do."""
    if not graph.is_multigraph():
        plain = list(graph.edges(data=True))
        order = link_order([attributes.get("id") for _, _, attributes in plain])
        return [plain[i] for i in order]
    edges: list[tuple[object, object, object, Mapping[str, object]]] = list(graph.edges(keys=True, data=True))  # type: ignore[call-overload]
    order = link_order([key for _, _, key, _ in edges])
    return [(edges[i][0], edges[i][1], edges[i][3]) for i in order]


def link_order(keys: Sequence[object]) -> list[int]:
    """Return the order of edges: by key where keys are numbers and all different, as link ids are, else as they stand."""
    numbers = [int(str(key)) for key in keys if str(key).isdigit()]
    if len(set(numbers)) < len(keys):
        return list(range(len(keys)))
    return sorted(range(len(keys)), key=numbers.__getitem__)


def _strings(attributes: Mapping[Any, object]) -> dict[str, object]:
    if not isinstance(attributes, Mapping):
        raise FileFormatError(f"'{attributes}' is not a mapping of attributes.")
    return {str(key): value for key, value in attributes.items()}
