"""Reading a topology file: the reader is chosen by suffix and content, and what is wrong with any file is said here once.

Readers register themselves in READERS under their suffix; the foreign ones live in collsim.interop, which is loaded by
name so that this room does not depend on that one. Formats that share a suffix with others, or have none of their own, are
in DIALECTS and know their files by what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collsim.errors import FileFormatError, nearest
from collsim.registry import Registry
from collsim.topology.graph import Topology

__all__ = ["DIALECTS", "READERS", "Dialect", "Reader", "dialect_of", "is_topology_suffix", "read_file", "read_text"]

Reader = Callable[[Path, int | None, int | None], Topology]
"""A reader takes (path, bandwidth or None, latency or None), as `draft.finish` uses them, and returns the topology."""

READERS: Registry[Reader] = Registry("topology file suffix", "collsim.interop", "collsim.readers")


@dataclass(frozen=True, slots=True)
class Dialect:
    """A format known by content: `title` for messages, `suffixes` it comes under ("" for none), and its reader.

    `recognise` is asked with the text of a file under one of them, whole; it must not raise. Of two that say yes the first
    by name reads the file.
    """

    title: str
    suffixes: tuple[str, ...]
    recognise: Callable[[str], bool]
    reader: Reader


DIALECTS: Registry[Dialect] = Registry("topology format", "collsim.interop", "collsim.dialects")


def is_topology_suffix(suffix: str) -> bool:
    """Tell whether topology files may end in `suffix`, which is not empty."""
    return bool(suffix) and (suffix in READERS or any(suffix in dialect.suffixes for _, dialect in DIALECTS.items()))


def dialect_of(path: Path) -> Dialect | None:
    """Return the format that knows the file at `path` by its content; None where its suffix alone tells the reader."""
    able = [dialect for _, dialect in DIALECTS.items() if path.suffix.lower() in dialect.suffixes]
    if not able or not path.is_file():
        return None
    text = read_text(path)
    return next((dialect for dialect in able if dialect.recognise(text)), None)


def read_file(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology in the file at `path`; `bandwidth` (bytes/s) and `latency` (fs) serve links that state none.

    Raises FileFormatError, with the file and the place, for whatever cannot be read; TopologyError for impossible graphs.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise FileFormatError(f"{path} is a folder, not a topology file; name a file in it.")
    dialect = dialect_of(path)
    if dialect is not None:
        return dialect.reader(path, bandwidth, latency)
    if suffix not in READERS:
        if not path.exists():
            raise _missing(path)
        able = [other.title for _, other in DIALECTS.items() if suffix in other.suffixes]
        if able:
            what = f"a file that ends in {suffix}" if suffix else "a file without a suffix"
            raise FileFormatError(f"{path}: {what} is one of {', '.join(able)}, and this one is none of them.")
        known = sorted({*READERS.aliases(), *(s for _, other in DIALECTS.items() for s in other.suffixes if s)})
        raise FileFormatError(f"{path}: unknown suffix '{path.suffix}'; topology files end in {', '.join(known)}.")
    return READERS.get(suffix)(path, bandwidth, latency)


def read_text(path: Path) -> str:
    """Return the text of `path`; FileFormatError when it is missing, empty, unreadable or not text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _missing(path) from None
    except UnicodeDecodeError as error:
        utf16 = error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
        what = "it is UTF-16 or UTF-32" if utf16 else f"byte {error.start} is no UTF-8"
        raise FileFormatError(f"{path} is not text: {what}; save it as UTF-8.") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}.") from None
    if "\0" in text:
        raise FileFormatError(f"{path} is not text: it holds a zero byte.")
    if not text.strip():
        raise FileFormatError(f"{path} is empty; docs/topologies.md and docs/formats.md show what each format holds.")
    return text


def _missing(path: Path) -> FileFormatError:
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    guess = nearest(path.name, siblings)
    # Readers of tables and traces ask here too, and no machine's name helps them.
    other = ", or take a name of 'collsim topo list'" if path.suffix.lower() in (".yaml", ".yml", ".graphml", ".csv") else ""
    cure = f"Did you mean '{path.parent / guess}'?" if guess else f"Check the path{other}."
    return FileFormatError(f"There is no file {path}. {cure}")
