"""Chakra nodes as a trace, and a trace as Chakra nodes.

Durations are whole microseconds in the schema, which is coarse for a network; what collsim writes carries femtoseconds
beside them, in an attribute of its own. An all-gather's comm_size is one rank's share, as ASTRA-sim takes it, not the whole.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from collsim.collectives.collective import ROOTED, collective
from collsim.errors import FileFormatError, InvalidValue, reason
from collsim.interop.chakra import BARRIER, COLLECTIVE_NAMES, COLLECTIVES, KINDS, ChakraNode
from collsim.interop.chakra_files import rank_files, read_nodes
from collsim.interop.trace import ANY, CALC, COLLECTIVE, RECV, SEND, Trace, TraceOp
from collsim.topology.files import read_text
from collsim.units import FS_PER_SECOND, MAX_BYTES, MAX_TIME

__all__ = ["chakra_nodes", "chakra_trace", "read_chakra", "read_groups"]

FS_PER_MICRO = 10**9
COMPUTE, SENDS, RECEIVES, CALLS = (
    KINDS.index(k) for k in ("COMP_NODE", "COMM_SEND_NODE", "COMM_RECV_NODE", "COMM_COLL_NODE")
)
EXACT, UNIT, SIZE, ROOT = "collsim_duration_fs", "collsim_unit", "collsim_size", "root_rank"
Groups = Mapping[str, tuple[int, ...]]


def read_chakra(path: Path, groups: Path | None = None, flops: int | None = None) -> Trace:
    """Return the trace in the files of all ranks beside `path`; `groups`: JSON of {pg_name: ranks}.

    `flops`: operations a second of nodes that state num_ops and no duration.
    """
    files = rank_files(path)
    named = {} if groups is None else read_groups(groups, len(files))
    return chakra_trace([read_nodes(file) for file in files], named, flops, [str(file) for file in files])


def read_groups(path: Path, ranks: int) -> dict[str, tuple[int, ...]]:
    """Return {name: ranks} of a file of communicator groups; an empty list means all ranks."""
    try:
        document = json.loads(read_text(path))
    except (RecursionError, ValueError) as error:
        raise FileFormatError(f"{path}: cannot be read as JSON: {reason(error)}.") from None
    if not isinstance(document, dict):
        raise FileFormatError(f"{path}: groups are an object of lists of ranks, by pg_name.")
    found = {}
    for name, members in document.items():
        if not isinstance(members, list) or any(not isinstance(m, int) or isinstance(m, bool) for m in members):
            raise FileFormatError(f"{path}: the group '{name[:40]}' is no list of ranks.")
        found[name] = tuple(members) or tuple(range(ranks))
    return found


def chakra_trace(
    nodes: Sequence[Sequence[ChakraNode]], groups: Groups, flops: int | None = None, origins: Sequence[str] = ()
) -> Trace:
    """Return the trace of the nodes of every rank; FileFormatError with file and place for what cannot be."""
    left: Counter[str] = Counter()
    ranks = [
        _Rank(rank, len(nodes), groups, flops, origins[rank] if origins else f"rank {rank}").operations(ones, left)
        for rank, ones in enumerate(nodes)
    ]
    notes = tuple(
        f"{count:,} nodes of kind {name} take no time: they state no duration." for name, count in sorted(left.items())
    )
    origin = origins[0] if origins else "trace"
    return Trace(tuple(ranks), eager=False, groups=dict(groups), origin=origin, notes=notes)


class _Rank:
    """Reads the nodes of one rank."""

    def __init__(self, rank: int, ranks: int, groups: Groups, flops: int | None, origin: str) -> None:
        self.rank, self.ranks, self.groups, self.flops, self.origin = rank, ranks, groups, flops, origin

    def operations(self, nodes: Sequence[ChakraNode], left: Counter[str]) -> tuple[TraceOp, ...]:
        index: dict[int, int] = {}
        for place, node in enumerate(nodes):
            if index.setdefault(node.id, place) != place:
                raise self._fail(node, f"the id {node.id} is there twice")
        made = []
        for node in nodes:
            for d in node.deps:
                if d not in index or d == node.id:
                    raise self._fail(node, f"it waits for {'itself' if d == node.id else f'node {d}, which is not there'}")
            ended = tuple(index[d] for d in node.deps)
            made.append(self._operation(node, ended, left))
        return tuple(made)

    def _operation(self, node: ChakraNode, ended: tuple[int, ...], left: Counter[str]) -> TraceOp:
        if not 0 <= node.kind < len(KINDS):
            raise self._fail(node, f"the kind {node.kind} is not known; kinds are 0 to {len(KINDS) - 1}")
        if node.kind in (SENDS, RECEIVES):
            return self._message(node, ended)
        if node.kind == CALLS:
            return self._call(node, ended)
        duration = self._duration(node)
        if node.kind == COMPUTE:
            unit = self._whole(node, UNIT, 0 if self._whole(node, "is_cpu_op", 0) else 1, least=-1)
            return TraceOp(CALC, duration=duration, ended=ended, unit=unit, label=node.name)
        if not duration and node.kind > 1:
            left[KINDS[node.kind]] += 1
        return TraceOp(CALC, duration=duration, ended=ended, unit=-1, label=node.name)

    def _duration(self, node: ChakraNode) -> int:
        exact = self._whole(node, EXACT, node.micros * FS_PER_MICRO, most=1 << 200)
        operations = self._whole(node, "num_ops", 0)
        if node.kind == COMPUTE and not exact and operations:
            if self.flops is None:
                raise self._fail(node, f"it states {operations:,} operations and no duration; say how fast with --flops")
            exact = -(-operations * FS_PER_SECOND // self.flops)
        if exact > MAX_TIME:
            raise self._fail(node, f"it lasts {exact / FS_PER_SECOND:.3g} s, beyond the clock of 2.56 hours")
        return exact

    def _message(self, node: ChakraNode, ended: tuple[int, ...]) -> TraceOp:
        mine, other = ("comm_src", "comm_dst") if node.kind == SENDS else ("comm_dst", "comm_src")
        own = self._whole(node, mine, self.rank)
        if own != self.rank:
            raise self._fail(node, f"its {mine} is {own}, in the file of rank {self.rank}")
        peer, size, tag = self._whole(node, other), self._whole(node, "comm_size"), self._whole(node, "comm_tag", 0)
        if peer >= self.ranks:
            raise self._fail(node, f"its {other} is {peer}; ranks are 0..{self.ranks - 1}")
        kind = SEND if node.kind == SENDS else RECV
        return TraceOp(kind, size=size, peer=peer, tag=tag, ended=ended, label=node.name)

    def _call(self, node: ChakraNode, ended: tuple[int, ...]) -> TraceOp:
        number = self._whole(node, "comm_type")
        name = "all-reduce" if number == BARRIER else COLLECTIVES.get(number)
        if name is None:
            text = COLLECTIVE_NAMES[number] if number < len(COLLECTIVE_NAMES) else f"comm_type {number}"
            raise self._fail(node, f"{text} has no algorithm here; those that have are {', '.join(COLLECTIVES.values())}")
        dims = node.attributes.get("involved_dim", ())
        if not isinstance(dims, tuple) or not all(dims):
            raise self._fail(node, "involved_dim leaves dimensions out, which only its own machine knows; name a pg_name")
        group, members = self._group(node)
        root = self._whole(node, ROOT, members[0]) if name in ROOTED else members[0]
        if root not in members:
            raise self._fail(node, f"its {ROOT} {root} is not in its group")
        size = 0 if number == BARRIER else self._whole(node, "comm_size")
        whole = size * (len(members) if name == "all-gather" else 1)
        if whole >= MAX_BYTES:
            raise self._fail(node, f"it moves {whole:,} bytes in all; stay under 2^62")
        whole = self._whole(node, SIZE, whole)
        called = collective(name, members.index(root))
        return TraceOp(COLLECTIVE, size=whole, ended=ended, label=node.name, collective=called, group=group)

    def _group(self, node: ChakraNode) -> tuple[str, tuple[int, ...]]:
        name = node.attributes.get("pg_name", "")
        if not isinstance(name, str):
            raise self._fail(node, "its pg_name is no text")
        if not name:
            return "", tuple(range(self.ranks))
        if name not in self.groups:
            known = f"known are {', '.join(sorted(self.groups)[:20])}" if self.groups else "name their file with --groups"
            raise self._fail(node, f"its process group '{name[:40]}' is not known; {known}")
        if self.rank not in self.groups[name]:
            raise self._fail(node, f"rank {self.rank} is not in its process group '{name[:40]}'")
        return name, self.groups[name]

    def _whole(self, node: ChakraNode, key: str, default: int | None = None, *, least: int = 0, most: int = 1 << 62) -> int:
        value = node.attributes.get(key, default)
        if value is None:
            raise self._fail(node, f"it has no {key}")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or not least <= value < most:
            raise self._fail(node, f"its {key} is {str(value)[:40]}, and not a whole number from {least} to below 2^62")
        return int(value)

    def _fail(self, node: ChakraNode, what: str) -> FileFormatError:
        return FileFormatError(f"{self.origin}, {node.place or f'node {node.id}'}: {what}.")


def chakra_nodes(trace: Trace) -> list[list[ChakraNode]]:
    """Return the nodes of every rank. InvalidValue for waits on a start and for receives from anybody, which have no form.

    Where a send of the trace has ended once it starts, what waits for it waits for what it waited for.
    """
    return [_rank_nodes(trace, rank) for rank in range(len(trace.ranks))]


def _rank_nodes(trace: Trace, rank: int) -> list[ChakraNode]:
    found = []
    ends: list[tuple[int, ...]] = []
    for index, operation in enumerate(trace.ranks[rank]):
        if operation.started or (ANY in (operation.peer, operation.tag) and operation.kind == RECV):
            what = "waits for a start" if operation.started else "receives from anybody"
            raise InvalidValue(f"{trace.origin}: operation {index} of rank {rank} {what}; a Chakra node cannot.")
        if any(d >= index for d in operation.ended) and trace.eager:
            raise InvalidValue(f"{trace.origin}: operation {index} of rank {rank} waits for a later one; put it behind.")
        deps = tuple(dict.fromkeys(n for d in operation.ended for n in (ends[d] if trace.eager else (d,))))
        ends.append(deps if operation.kind == SEND else (index,))
        kind = {CALC: COMPUTE, SEND: SENDS, RECV: RECEIVES, COLLECTIVE: CALLS}[operation.kind]
        micros = (operation.duration + FS_PER_MICRO // 2) // FS_PER_MICRO
        attributes = _attributes(trace, rank, operation, micros)
        found.append(ChakraNode(index, operation.label or f"n{index}", kind, deps, micros, attributes))
    return found


def _attributes(trace: Trace, rank: int, operation: TraceOp, micros: int) -> dict[str, int | bool | str]:
    found: dict[str, int | bool | str] = {"is_cpu_op": operation.kind == CALC and operation.unit == 0}
    if operation.kind == CALC:
        found |= {} if operation.unit in (0, 1) else {UNIT: operation.unit}
        return found | ({} if micros * FS_PER_MICRO == operation.duration else {EXACT: operation.duration})
    if operation.kind in (SEND, RECV):
        ends = (rank, operation.peer) if operation.kind == SEND else (operation.peer, rank)
        return found | {"comm_src": ends[0], "comm_dst": ends[1], "comm_tag": operation.tag, "comm_size": operation.size}
    called = operation.collective
    members = trace.groups[operation.group] if operation.group else tuple(range(len(trace.ranks)))
    numbers = {name: number for number, name in COLLECTIVES.items()}
    if called is None or called.name not in numbers:
        raise InvalidValue(f"{trace.origin}: Chakra has no {called.name if called else 'such collective'}.")
    share = len(members) if called.name == "all-gather" else 1
    barrier = called.name == "all-reduce" and not operation.size
    found |= {"comm_type": BARRIER if barrier else numbers[called.name], "comm_size": operation.size // share}
    found |= {SIZE: operation.size} if operation.size % share else {}
    found |= {"pg_name": operation.group} if operation.group else {}
    return found | ({} if called.root is None else {ROOT: members[called.root]})
