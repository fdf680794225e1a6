"""Algorithms that live in a file of their own: `--algo ./star.py`, nothing installed and nothing registered.

A reader turns a file into algorithms by name and registers itself in ALGORITHM_READERS under the file's suffix; Python is
read here, foreign formats in collsim.interop, which is loaded by name. What a file holds is found by its path alone, so
that it never shadows a registered algorithm, and a copy of it beside the first is another algorithm.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from collsim.collectives.algorithm import ALGORITHMS, Algorithm
from collsim.errors import FileFormatError, InvalidValue, UnknownName, nearest
from collsim.registry import Registry

__all__ = ["ALGORITHM_READERS", "AlgorithmReader", "from_file", "instead_of", "is_algorithm_file"]

AlgorithmReader = Callable[[Path], Mapping[str, Algorithm]]
"""Takes the path of an existing file and returns its algorithms by name; raises FileFormatError with the place."""

ALGORITHM_READERS: Registry[AlgorithmReader] = Registry(
    "algorithm file suffix", "collsim.interop", "collsim.algorithm_readers"
)

_INSTEAD: ContextVar[Mapping[str, Path]] = ContextVar("files read instead of others")


@contextmanager
def instead_of(files: Mapping[str, Path]) -> Iterator[None]:
    """Read other files within the context: {path as it is named: where its content lies}."""
    token = _INSTEAD.set(files)
    try:
        yield
    finally:
        _INSTEAD.reset(token)


def is_algorithm_file(name: str) -> bool:
    """Tell whether `name` means a file: names of algorithms hold neither a folder nor a suffix."""
    return "/" in name or os.sep in name or "." in name


def from_file(path: str, name: str | None = None) -> Algorithm:
    """Return the algorithm called `name` in the file at `path`; without a name the only one that the file holds.

    A file is read once as long as it stays the same. Raises FileFormatError for a file that is missing, of an unknown
    suffix or fails to load, UnknownName for a name it does not hold, InvalidValue where several are there and none is named.
    """
    place = _INSTEAD.get({}).get(path, Path(path)).expanduser()
    suffix = place.suffix.lower()
    if suffix not in ALGORITHM_READERS:
        known = ", ".join(sorted(ALGORITHM_READERS.aliases()))
        raise FileFormatError(f"{path} is no file of algorithms; such files end in {known}.")
    if not place.is_file():
        siblings = [p.name for p in place.parent.iterdir()] if place.parent.is_dir() else []
        guess = nearest(place.name, siblings)
        cure = f"Did you mean '{place.parent / guess}'?" if guess else "Check the path."
        raise FileFormatError(f"There is no file {path}. {cure}")
    state = place.stat()
    found = _read(place.resolve(), state.st_mtime_ns, state.st_size)
    if name is not None:
        if name not in found:
            raise UnknownName(f"algorithm of {path}", name, found)
        return found[name]
    if len(found) > 1:
        ways = ", ".join(f"{path}:{one}" for one in sorted(found))
        raise InvalidValue(f"{path} holds {len(found)} algorithms; name one of them: {ways}.")
    return next(iter(found.values()))


@lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> Mapping[str, Algorithm]:
    """Return the algorithms of the file; its time of change and its size make another state another read."""
    return ALGORITHM_READERS.get(path.suffix.lower())(path)


def read_python(path: Path) -> Mapping[str, Algorithm]:
    """Run a Python file and return what it decorates with `algorithm`, without registering it."""
    name = f"collsim_file_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    # A path that ends in .py always has both.
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Dataclasses and pickling look for the module of what they are given.
    sys.modules[name] = module
    # Modules beside the file are there for it, as they are for a script.
    sys.path.insert(0, str(path.parent))
    try:
        with ALGORITHMS.aside() as found:
            spec.loader.exec_module(module)
    except SyntaxError as error:
        raise FileFormatError(f"{path}, line {error.lineno}: not Python: {error.msg}.") from None
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise FileFormatError(f"{path}{where}: running it failed with {text}") from error
    finally:
        sys.path.remove(str(path.parent))
    if not found:
        raise FileFormatError(
            f"{path} holds no algorithm; decorate a function with collsim.collectives.algorithm.algorithm "
            "(docs/add-an-algorithm.md)."
        )
    return found


ALGORITHM_READERS.add(".py", read_python)
