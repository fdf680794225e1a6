"""Reading a topology file: the reader is chosen by suffix, and what is wrong with any file is said here once.

Readers register themselves in READERS under their suffix; the foreign ones live in collsim.interop, which is loaded by
name so that this room does not depend on that one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collsim.errors import FileFormatError, nearest
from collsim.registry import Registry
from collsim.topology.graph import Topology

__all__ = ["READERS", "Reader", "read_file", "read_text"]

Reader = Callable[[Path, int | None, int | None], Topology]
"""A reader takes (path, bandwidth or None, latency or None), as `draft.finish` uses them, and returns the topology."""

READERS: Registry[Reader] = Registry("topology file suffix", "collsim.interop", "collsim.readers")


def read_file(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in the file at `path`; `bandwidth` (bytes/s) and `latency` (fs) serve links that state none.

    Raises FileFormatError, with the file and the place, for whatever cannot be read; TopologyError for impossible graphs.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise FileFormatError(f"{path} is a folder, not a topology file; name a file in it.")
    if suffix not in READERS:
        if not path.exists():
            raise _missing(path)
        known = ", ".join(sorted(READERS.aliases()))
        raise FileFormatError(f"{path}: unknown suffix '{path.suffix}'; topology files end in {known}.")
    return READERS.get(suffix)(path, bandwidth, latency)


def read_text(path: Path) -> str:
    """Return the text of `path`; FileFormatError when it is missing, empty, unreadable or not text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _missing(path) from None
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not text: byte {error.start} is no UTF-8.") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}.") from None
    if "\0" in text:
        raise FileFormatError(f"{path} is not text: it holds a zero byte.")
    if not text.strip():
        raise FileFormatError(f"{path} is empty; docs/topologies.md shows what each format holds.")
    return text


def _missing(path: Path) -> FileFormatError:
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    guess = nearest(path.name, siblings)
    cure = f"Did you mean '{path.parent / guess}'?" if guess else "Check the path, or take a name of 'collsim topo list'."
    return FileFormatError(f"There is no file {path}. {cure}")
