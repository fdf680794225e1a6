"""A node of a Chakra execution trace as data, and the numbers that its schema gives to kinds of nodes and collectives.

Source: mlcommons/chakra, schema/protobuf/et_def.proto, and its feeder for the names of attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["BARRIER", "COLLECTIVES", "COLLECTIVE_NAMES", "KINDS", "ChakraNode", "Value"]

KINDS = (
    "INVALID_NODE",
    "METADATA_NODE",
    "MEM_LOAD_NODE",
    "MEM_STORE_NODE",
    "COMP_NODE",
    "COMM_SEND_NODE",
    "COMM_RECV_NODE",
    "COMM_COLL_NODE",
    "STORAGE_NODE",
    "BATCH_NODE",
    "CHECKPOINT_NODE",
)
COLLECTIVE_NAMES = (
    "ALL_REDUCE",
    "REDUCE",
    "ALL_GATHER",
    "GATHER",
    "SCATTER",
    "BROADCAST",
    "ALL_TO_ALL",
    "REDUCE_SCATTER",
    "REDUCE_SCATTER_BLOCK",
    "BARRIER",
)
COLLECTIVES = {0: "all-reduce", 1: "reduce", 2: "all-gather", 5: "broadcast", 6: "all-to-all", 7: "reduce-scatter"}
"""comm_type and the collective it means; a barrier is an all-reduce of nothing."""
BARRIER = 9
Value = bool | int | float | str | bytes | tuple[object, ...]


@dataclass(frozen=True, slots=True)
class ChakraNode:
    """A node: `kind` an index into KINDS, `deps` the ids of all nodes it waits for, `micros` its duration in whole us.

    `place`: where it stands, as in "byte 17" or "workload_graph[3]".
    """

    id: int
    name: str
    kind: int
    deps: tuple[int, ...] = ()
    micros: int = 0
    attributes: Mapping[str, Value] = field(default_factory=dict)
    place: str = field(default="", compare=False)
