"""Reading topologies from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collsim.errors import FileFormatError
from collsim.registry import Registry
from collsim.topology.graph import Topology

READERS: Registry[Callable[[Path], Topology]] = Registry("topology file suffix", "collsim.interop", "collsim.readers")


def read_file(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in the file at `path`; readers are chosen by suffix."""
    if not path.exists():
        raise FileFormatError(f"There is no file {path}.")
    return READERS.get(path.suffix.lower())(path)
