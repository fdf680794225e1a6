"""GraphML, as networkx, yEd and igraph write it; nodes and edges carry the attributes that every graph file does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from collsim.errors import FileFormatError, nearest
from collsim.topology.convert import draft_from_networkx
from collsim.topology.draft import finish
from collsim.topology.files import READERS, read_text
from collsim.topology.graph import Topology

__all__ = ["read_graphml"]


def read_graphml(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in a GraphML file; `edgedefault` says whether an edge is a link or a cable."""
    import networkx as nx

    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FileFormatError(f"{path}: GraphML with a document type or entities is not read; remove the declaration.")
    try:
        _check_nodes(fromstring(text.encode()), str(path))
        graph = nx.parse_graphml(text)
    except ParseError as error:
        raise FileFormatError(f"{path}, line {error.position[0]}: not XML: {error}.") from None
    except nx.NetworkXError as error:
        raise FileFormatError(f"{path}: not GraphML: {error}.") from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: not GraphML that can be read ({type(error).__name__}: {error}).") from None
    draft = draft_from_networkx(graph, str(path))
    name = str(graph.graph.get("name") or path.stem)
    return finish(replace(draft, name=name), str(path), bandwidth, latency)


def _check_nodes(root: Element, origin: str) -> None:
    """Raise FileFormatError for nodes stated twice and edges to nodes not stated: networkx would merge or invent them."""
    seen: set[str] = set()
    for node in root.iterfind(".//{*}node"):
        name = node.get("id", "")
        if name in seen:
            raise FileFormatError(f"{origin}: node '{name}' is stated twice.")
        seen.add(name)
    for index, edge in enumerate(root.iterfind(".//{*}edge"), 1):
        for end in ("source", "target"):
            if edge.get(end) not in seen:
                guess = nearest(edge.get(end, ""), seen)
                hint = f" Did you mean '{guess}'?" if guess else ""
                raise FileFormatError(f"{origin}: edge {index} has the {end} '{edge.get(end)}', which is no node.{hint}")


READERS.add(".graphml", read_graphml)
