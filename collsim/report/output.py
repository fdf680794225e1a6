"""Files that reports leave behind: written beside their place and moved there, so that none is ever half-written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collsim.errors import OutputError

__all__ = ["check_writable", "to_json", "write_file", "write_text"]


def write_file(path: str | Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path of the same folder and suffix, then move the file to `path`.

    Raises OutputError when the folder is missing, cannot be written or is full; `path` is then as it was before.
    """
    target = Path(path)
    check_writable(target)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem[:40]}.", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        # mkstemp makes files private; results get the permissions that the user's umask gives any other new file.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"Cannot write '{target}': {error.strerror or error}; choose another place.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` as `write_file` does."""
    write_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def to_json(value: Any) -> str:
    """Return `value` as indented JSON that ends in a newline."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def check_writable(path: str | Path) -> None:
    """Raise OutputError unless a file can be made at `path`; asked before a long run, not after it."""
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"Cannot write '{target}': it is a folder; add a file name.")
    if not target.parent.is_dir():
        raise OutputError(f"Cannot write '{target}': the folder '{target.parent}' does not exist; create it first.")
    if not os.access(target.parent, os.W_OK | os.X_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError(f"Cannot write '{target}': permission denied; choose another place.")
