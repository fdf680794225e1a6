"""GraphML, as networkx, yEd and igraph write it; nodes and edges carry the attributes that every graph file does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import ParseError

from collsim.errors import FileFormatError
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
        graph = nx.parse_graphml(text)
    except ParseError as error:
        raise FileFormatError(f"{path}, line {error.position[0]}: not XML: {error}.") from None
    except nx.NetworkXError as error:
        raise FileFormatError(f"{path}: not GraphML: {error}.") from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: not GraphML that can be read ({type(error).__name__}: {error}).") from None
    try:
        draft = draft_from_networkx(graph)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    name = str(graph.graph.get("name") or path.stem)
    return finish(replace(draft, name=name), str(path), bandwidth, latency)


READERS.add(".graphml", read_graphml)
