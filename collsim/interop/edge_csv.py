"""Edge lists as CSV: one link a line, the network as a spreadsheet or a script writes it down.

Columns: source and target, then as wanted bandwidth, latency, loss, count, bidirectional (yes makes the line a cable of two
links; no is the default), source_kind and target_kind (host is the default). Lines that start with # are comments.
"""

from __future__ import annotations

import csv
from pathlib import Path

from collsim.errors import FileFormatError
from collsim.topology.draft import (
    Draft,
    DraftLink,
    DraftNode,
    check_keys,
    finish,
    node_from,
    parallel,
    read_bandwidth,
    read_flag,
    read_latency,
    read_loss,
)
from collsim.topology.files import READERS, read_text
from collsim.topology.graph import Topology

__all__ = ["read_edge_csv"]

_COLUMNS = ("source", "target", "bandwidth", "latency", "loss", "count", "bidirectional", "source_kind", "target_kind")


def read_edge_csv(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in an edge CSV; nodes are numbered as they first appear, hosts before switches."""
    lines = [(n, line) for n, line in enumerate(read_text(path).splitlines(), 1) if line.strip() and line.lstrip()[0] != "#"]
    if not lines:
        raise FileFormatError(f"{path} holds only comments.")
    header = _header(lines[0][1], f"{path}, line {lines[0][0]}")
    kinds: dict[str, tuple[bool, str, str]] = {}
    links: list[DraftLink] = []
    for number, line in lines[1:]:
        place = f"{path}, line {number}"
        row = _row(header, line, place)
        for end in ("source", "target"):
            _kind(kinds, row[end], row.get(f"{end}_kind", ""), place)
        link = DraftLink(
            row["source"],
            row["target"],
            read_bandwidth(row.get("bandwidth"), place),
            read_latency(row.get("latency"), place),
            place,
            read_loss(row.get("loss"), place) or 0,
        )
        links += parallel(link, row.get("count"), read_flag(row.get("bidirectional") or "no", place))
    nodes = tuple(DraftNode(name, host) for name, (host, _, _) in kinds.items())
    return finish(Draft(path.stem, nodes, tuple(links)), str(path), bandwidth, latency)


def _header(line: str, place: str) -> list[str]:
    header = [name.strip().lower() for name in next(csv.reader([line]))]
    check_keys(header, _COLUMNS, place, strict=True)
    for name in ("source", "target"):
        if name not in header:
            raise FileFormatError(f"{place}: the header has no column '{name}'; it starts like source,target,bandwidth.")
    if len(set(header)) < len(header):
        raise FileFormatError(f"{place}: the header names a column twice.")
    return header


def _row(header: list[str], line: str, place: str) -> dict[str, str]:
    try:
        cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise FileFormatError(f"{place}: not CSV: {error}.") from None
    if len(cells) != len(header):
        raise FileFormatError(f"{place} has {len(cells)} cells but the header has {len(header)}.")
    row = dict(zip(header, cells, strict=True))
    for end in ("source", "target"):
        if not row[end]:
            raise FileFormatError(f"{place} has no {end}.")
    return row


def _kind(kinds: dict[str, tuple[bool, str, str]], name: str, kind: str, place: str) -> None:
    """Note whether `name` is a host; lines may leave the kind out but not contradict one another."""
    host = node_from({"kind": kind}, name, place).host
    known = kinds.get(name)
    if known is None or (kind and not known[1]):
        kinds[name] = (host, kind, place)
    elif kind and host != known[0]:
        raise FileFormatError(f"{place}: node '{name}' is a {kind}, but {known[2]} calls it a {known[1]}.")


READERS.add(".csv", read_edge_csv)
