"""Writing traces as files: GOAL in one, Chakra in one a rank beside a file of groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from collsim.errors import InvalidValue
from collsim.interop.chakra_files import dump_nodes
from collsim.interop.chakra_trace import chakra_nodes
from collsim.interop.goal import to_goal
from collsim.interop.trace import Trace

__all__ = ["ENDINGS", "trace_files"]

ENDINGS = (".goal", ".et", ".et.gz")


def trace_files(trace: Trace, path: str | Path) -> Iterator[tuple[Path, bytes]]:
    """Yield (path, content) of the files that hold `trace`, chosen by the end of `path`.

    `x.goal` is one file. `x.et` stands for `x.0.et`, `x.1.et`, ... and, where the trace has groups, `x.groups.json`;
    `.et.gz` packs them. Raises InvalidValue for another ending and for what the format cannot say.
    """
    place = Path(path)
    ending = next((end for end in sorted(ENDINGS, key=len, reverse=True) if place.name.lower().endswith(end)), None)
    if ending is None:
        raise InvalidValue(f"Cannot write a trace to '{path}'; name a file that ends in {', '.join(ENDINGS)}.")
    if ending == ".goal":
        yield place, to_goal(trace).encode()
        return
    prefix = place.name[: -len(ending)]
    for rank, nodes in enumerate(chakra_nodes(trace)):
        yield place.with_name(f"{prefix}.{rank}{ending}"), dump_nodes(nodes, gzip=ending == ".et.gz")
    if trace.groups:
        groups = {name: list(members) for name, members in trace.groups.items()}
        yield place.with_name(f"{prefix}.groups.json"), (json.dumps(groups, indent=1) + "\n").encode()
