"""Files that points of a sweep name: kept beside the results, and sent along to whoever works the points off.

So a row holds what its file held when the sweep began, whatever became of the file while the sweep ran, workers on other
machines need no copy of it, and a point can be repeated when the file is gone.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from collsim.collectives.algorithm_files import instead_of
from collsim.sweep.fields import Field
from collsim.sweep.runner import Kept, Work
from collsim.topology.graph import Topology

__all__ = ["MOST_KEPT", "File", "Shipped", "as_asked", "files_of", "unpacked"]

MOST_KEPT = 4 * 2**20
"""Larger files are not kept beside the results."""


@dataclass(frozen=True)
class File:
    """A file as a point names it, and its content when the sweep began."""

    path: str
    content: bytes

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the content, hexadecimal."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, eq=False)
class Shipped:
    """Work with the files of algorithms that it needs. Points of other contents of a file are of another group."""

    work: Work
    files: tuple[File, ...]
    group: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", " ".join([self.work.group, *(file.digest for file in self.files)]))

    def run(self, kept: Kept) -> dict[str, Any]:
        """See `Work`: the files are read as they were when the sweep began."""
        with instead_of({file.path: unpacked(file) for file in self.files}):
            return self.work.run(kept)

    def check(self, kept: Kept) -> None:
        """See `Work`: what the work itself says, where it says anything."""
        check = getattr(self.work, "check", None)
        if check is not None:
            with instead_of({file.path: unpacked(file) for file in self.files}):
                check(kept)


def files_of(fields: Sequence[Field], parameters: Mapping[str, Any], kept: Kept) -> tuple[File, ...]:
    """Return the files that a point names, each read once as long as `kept` lives; a machine made in Python as YAML."""
    found: dict[str, File] = {}
    for value in (parameters[one.name] for one in fields if one.files):
        for item in value if isinstance(value, list) else [value]:
            file = _file_of(item, kept)
            if file is not None:
                found[file.path] = file
    return tuple(found.values())


def _file_of(item: Any, kept: Kept) -> File | None:
    key = "file", item.digest if isinstance(item, Topology) else item
    if key not in kept:
        kept[key] = _written(item) if isinstance(item, Topology) else _read(str(item))
    found: File | None = kept[key]
    return found


def _written(machine: Topology) -> File:
    from collsim.topology.write import to_yaml

    return File(f"{machine.name.replace('/', '_')}.yaml", to_yaml(machine).encode())


def _read(text: str) -> File | None:
    # An algorithm's file is followed by its name and options, and a job of a mix begins with its algorithm.
    for path in dict.fromkeys((text.strip(), text.partition(":")[0].strip())):
        place = Path(path).expanduser()
        if ("/" in path or "." in path) and place.is_file():
            return File(path, place.read_bytes())
    return None


def as_asked(parameters: Mapping[str, Any], files: Sequence[File]) -> dict[str, Any]:
    """Return parameters and {path: digest} of files as a row keeps them, from which the point can be asked for again."""
    stated = {
        name: f"{value.name.replace('/', '_')}.yaml" if isinstance(value, Topology) else value
        for name, value in parameters.items()
    }
    return {"parameters": stated, "files": {file.path: file.digest for file in files}}


def unpacked(file: File) -> Path:
    """Return a path at which the content of `file` lies: its own if it is there unchanged, else one in a private folder."""
    place = Path(file.path).expanduser()
    try:
        if place.is_file() and place.read_bytes() == file.content:
            return place
    except OSError:
        pass
    copy = _folder() / file.digest / place.name
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.content)
    return copy


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Return a folder of this process, which goes with it."""
    folder = tempfile.mkdtemp(prefix="collsim-sweep-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
