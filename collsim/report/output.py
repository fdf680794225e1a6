"""Files that reports leave behind: written beside their place and moved there, so that none is ever half-written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from collsim.errors import InvalidValue, OutputError, WriteFailed

__all__ = ["FORMATS", "check_drawable", "check_writable", "to_json", "write_file", "write_text"]

FORMATS = (".png", ".svg", ".pdf")
LONG = 8
"""Entries of a list of JSON that still get a line each."""


def write_file(path: str | Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path of the same suffix, then move the file to `path`, or pour it into a device.

    A symbolic link stays and what it points to is written. Raises OutputError when the place cannot be written and
    WriteFailed when writing fails on the way, as on a full disk; a file at `path` is then as it was before.
    """
    target = Path(path)
    check_writable(target)
    stream = _is_stream(target)
    real = target if stream else target.resolve()
    temporary = None
    try:
        folder = None if stream else real.parent
        handle, name = tempfile.mkstemp(prefix=f".{real.stem[:40]}.", suffix=target.suffix, dir=folder)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        if stream:
            # Moving a file to the place of a device or a pipe would put it away and write nothing to it.
            with real.open("ab") as out:
                out.write(temporary.read_bytes())
        else:
            # mkstemp makes files private; results get the permissions that the user's umask gives any other new file.
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o666 & ~mask)
            os.replace(temporary, real)
    except OSError as error:
        raise WriteFailed(f"Cannot write '{target}': {error.strerror or error}; choose another place.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` as `write_file` does."""
    write_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def to_json(value: Any) -> str:
    """Return `value` as indented JSON that ends in a newline; a long list of numbers or names takes one line."""
    return _json(value, "\n") + "\n"


def _json(value: Any, start: str) -> str:
    """Return `value` as JSON; `start`: what a line of its container begins with, the end of the line before included."""
    inner = start + "  "
    if isinstance(value, Mapping) and value:
        parts = [f"{json.dumps(str(key))}: {_json(one, inner)}" for key, one in value.items()]
        return "{" + inner + ("," + inner).join(parts) + start + "}"
    if isinstance(value, (list, tuple)) and value:
        if len(value) > LONG and not any(isinstance(one, Mapping) for one in value):
            return json.dumps(value, allow_nan=False)
        return "[" + inner + ("," + inner).join(_json(one, inner) for one in value) + start + "]"
    return json.dumps(value, allow_nan=False)


def check_writable(path: str | Path) -> None:
    """Raise OutputError unless `path` can be written; asked before a long run, not after it."""
    if not str(path):
        raise OutputError("Cannot write to a file without a name; name one, like out.json.")
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"Cannot write '{target}': it is a folder; add a file name.")
    if _is_stream(target):
        refused = not os.access(target, os.W_OK)
    else:
        folder = target.resolve().parent
        if not folder.is_dir():
            raise OutputError(f"Cannot write '{target}': the folder '{folder}' does not exist; create it first.")
        refused = not os.access(folder, os.W_OK | os.X_OK) or (target.exists() and not os.access(target, os.W_OK))
    if refused:
        raise OutputError(f"Cannot write '{target}': permission denied; choose another place.")


def check_drawable(path: str | Path) -> None:
    """Raise InvalidValue unless `path` ends as an image that can be drawn, and what `check_writable` raises."""
    check_writable(path)
    if Path(path).suffix.lower() not in FORMATS:
        raise InvalidValue(f"Cannot draw '{path}'; name a file that ends in {', '.join(FORMATS)}.")


def _is_stream(target: Path) -> bool:
    """Say whether `target` is a device or a pipe, such as /dev/null, or one of the program's own, such as /dev/stdout."""
    return target.exists() and (not target.is_file() or target.parent in map(Path, ("/dev", "/dev/fd", "/proc/self/fd")))
