"""Files of Chakra traces, one a rank: protobuf messages one behind the other, gzipped or not, or the feeder's JSON.

In `.et` each message stands behind its length as a varint, first the metadata, then the nodes. Errors name the byte at which
a message begins, in JSON the index of the node.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from collsim.errors import FileFormatError, nearest, reason
from collsim.interop.chakra import KINDS, ChakraNode, Value
from collsim.interop.chakra_schema import messages
from collsim.topology.files import read_text

__all__ = ["chakra_prefix", "dump_nodes", "load_nodes", "rank_files", "read_nodes"]

MOST_BYTES = 1 << 30
"""Bytes of a file of one rank, unpacked: what a small gzip may blow up to before it is refused."""
VERSION = "0.0.4"
NARROW = ("comm_src", "comm_dst", "comm_tag")
"""Attributes that Chakra's feeder takes from the field int32_val and no other: written elsewhere they would be 0 there."""
_RANKED = re.compile(r"(?P<prefix>.+)\.(?P<rank>\d{1,7})(?P<suffix>\.et|\.et\.gz|\.json)\Z")


def rank_files(path: Path) -> list[Path]:
    """Return the files of ranks 0 to n-1 beside `path`: one of them, `prefix.et` for `prefix.0.et` on, or the prefix alone.

    Raises FileFormatError where there are none or one is missing.
    """
    prefix, suffix = _split(path.name)
    siblings = path.parent.iterdir() if path.parent.is_dir() else ()
    ranks: dict[int, Path] = {}
    for one in siblings:
        part = _RANKED.match(one.name)
        if part and part["prefix"] == prefix and part["suffix"] == suffix:
            ranks[int(part["rank"])] = one
    if not ranks:
        guess = nearest(path.name, [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else [])
        cure = f"Did you mean '{path.parent / guess}'?" if guess else "Check the path."
        raise FileFormatError(f"There is no file {path.parent / prefix}.0{suffix}. {cure}")
    for rank in range(max(ranks) + 1):
        if rank not in ranks:
            raise FileFormatError(f"{path.parent / prefix}.{rank}{suffix} is missing; there are {len(ranks)} other ranks.")
    return [ranks[rank] for rank in range(len(ranks))]


def chakra_prefix(path: Path) -> str:
    """Return what the names of all files of the trace at `path` begin with."""
    return _split(path.name)[0]


def _split(name: str) -> tuple[str, str]:
    if found := _RANKED.match(name):
        return found["prefix"], found["suffix"]
    end = next((end for end in (".et.gz", ".et", ".json") if name.endswith(end)), "")
    return name.removesuffix(end), end or ".et"


def read_nodes(path: Path) -> list[ChakraNode]:
    """Return the nodes of one rank's file."""
    if path.suffix.lower() == ".json":
        return _from_json(read_text(path), str(path))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}.") from None
    return load_nodes(_unpacked(data, str(path)), str(path))


def _unpacked(data: bytes, origin: str) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    worker = zlib.decompressobj(wbits=31)
    try:
        found = worker.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise FileFormatError(f"{origin}: broken gzip: {error}.") from None
    if worker.unconsumed_tail:
        raise FileFormatError(f"{origin}: more than {MOST_BYTES:,} bytes once unpacked; split the trace.")
    if not worker.eof or worker.unused_data:
        raise FileFormatError(f"{origin}: the gzip is {'cut off' if not worker.eof else 'followed by something else'}.")
    return found


def load_nodes(data: bytes, origin: str = "trace") -> list[ChakraNode]:
    """Return the nodes in the bytes of a `.et` file that is not packed."""
    kinds = messages()
    nodes = []
    for number, (at, content) in enumerate(_frames(data, origin)):
        made = (kinds.node if number else kinds.metadata)()
        try:
            made.ParseFromString(content)
        except kinds.failure:
            what = "node" if number else "GlobalMetadata"
            raise FileFormatError(f"{origin}, byte {at}: no {what} of a Chakra trace.") from None
        if number:
            nodes.append(_node(made, f"byte {at}"))
    return nodes


def _frames(data: bytes, origin: str) -> Iterator[tuple[int, bytes]]:
    """Yield (offset of the length, message)."""
    at = 0
    if not data:
        raise FileFormatError(f"{origin} is empty; a trace begins with its metadata.")
    while at < len(data):
        begin, size, shift = at, 0, 0
        while True:
            if at >= len(data) or shift > 28:
                what = "is cut off" if at >= len(data) else "takes more than five bytes"
                raise FileFormatError(f"{origin}, byte {begin}: the length of a message {what}.")
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if at + size > len(data):
            raise FileFormatError(
                f"{origin}, byte {begin}: a message of {size:,} bytes, of which {len(data) - at:,} are there."
            )
        yield begin, data[at : at + size]
        at += size


def _node(made: Any, place: str) -> ChakraNode:
    attributes: dict[str, Value] = {}
    for one in made.attr:
        which = one.WhichOneof("value")
        if which is not None:
            value = getattr(one, which)
            attributes[one.name] = tuple(value.values) if which.endswith("_list") else value
    deps = tuple(dict.fromkeys((*made.ctrl_deps, *made.data_deps)))
    return ChakraNode(made.id, made.name, made.type, deps, made.duration_micros, attributes, place)


def dump_nodes(nodes: Sequence[ChakraNode], *, gzip: bool = False) -> bytes:
    """Return the bytes of a `.et` file that holds `nodes`; `deps` are written as data dependencies."""
    kinds = messages()
    parts = [_framed(kinds.metadata(version=VERSION).SerializeToString(deterministic=True))]
    for node in nodes:
        made = kinds.node(id=node.id, name=node.name, type=node.kind, data_deps=node.deps, duration_micros=node.micros)
        for name, value in node.attributes.items():
            one = made.attr.add(name=name)
            if isinstance(value, bool):
                one.bool_val = value
            elif isinstance(value, str):
                one.string_val = value
            elif name in NARROW and isinstance(value, int) and value < 1 << 31:
                one.int32_val = value
            else:
                # Sizes do not fit 32 bits, and readers ask for this field.
                one.int64_val = value
        parts.append(_framed(made.SerializeToString(deterministic=True)))
    data = b"".join(parts)
    if not gzip:
        return data
    worker = zlib.compressobj(wbits=31)
    return worker.compress(data) + worker.flush()


def _framed(content: bytes) -> bytes:
    size, head = len(content), bytearray()
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes([*head, size]) + content


def _from_json(text: str, origin: str) -> list[ChakraNode]:
    """Return the nodes of the JSON that Chakra's feeder reads: {"workload_graph": [{"Id": ..., "data_deps": [...]}]}."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{origin}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}.") from None
    except (RecursionError, ValueError) as error:
        raise FileFormatError(f"{origin}: cannot be read as JSON: {reason(error)}.") from None
    graph = document.get("workload_graph") if isinstance(document, dict) else None
    if not isinstance(graph, list):
        raise FileFormatError(f"{origin}: a trace in JSON is an object with a list 'workload_graph'.")
    return [_json_node(entry, f"workload_graph[{index}]", origin) for index, entry in enumerate(graph)]


def _json_node(entry: object, place: str, origin: str) -> ChakraNode:
    if not isinstance(entry, dict) or not {"Id", "NodeType"} <= entry.keys():
        raise FileFormatError(f"{origin}, {place}: a node is an object with 'Id' and 'NodeType'.")
    kind = entry["NodeType"]
    if isinstance(kind, str) and kind in KINDS:
        kind = KINDS.index(kind)
    deps = [d for key in ("ctrl_deps", "data_deps") for d in _list(entry.get(key, []), f"{origin}, {place}: {key}")]
    numbers = {"Id": entry["Id"], "NodeType": kind, "runtime": entry.get("runtime", 0)}
    for key, value in [*numbers.items(), *(("dependencies", d) for d in deps)]:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
            raise FileFormatError(f"{origin}, {place}: {key} '{str(value)[:40]}' is no whole number of 0 or more.")
    known = ("Id", "Name", "NodeType", "runtime", "data_deps", "ctrl_deps")
    attributes = {
        key: tuple(v) if isinstance(v, list) else v for key, v in entry.items() if key not in known and v is not None
    }
    name = entry.get("Name", "")
    waits = tuple(dict.fromkeys(d for d in deps if isinstance(d, int)))
    return ChakraNode(entry["Id"], str(name), kind, waits, numbers["runtime"], attributes, place)


def _list(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise FileFormatError(f"{place} is no list.")
    return value
