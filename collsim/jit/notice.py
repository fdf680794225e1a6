"""Who is told that kernels are about to be compiled: who listens while it runs something, and whoever waits in a notebook.

Compiling takes seconds, once, and only the moment at which a kernel is found missing in the cache is sure to be right:
an interrupted compilation, another version or a kernel that no run has needed so far leave a cache that holds something,
but not this. So the kernels tell, and the command line, which may print, listens. A library prints nothing of itself; in
IPython a person waits for the cell, and is told there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

__all__ = ["COMPILING", "KERNELS", "WAITING", "Tell", "listening", "sentence", "tell"]

COMPILING, WAITING = "compiling", "waiting"
"""What is told: that kernels are missing and compiled now, or that another process is at it and is waited for."""

KERNELS = {
    "trains": ("message trains", 10),
    "compiled": ("packets", 20),
    "kernels": ("large schedules", 15),
}
"""Folder of a package of kernels to what they work on, and about how many seconds they compile."""

Tell = Callable[[str, Path], None]

_listener: ContextVar[Tell | None] = ContextVar("collsim.jit.listener", default=None)


@contextmanager
def listening(told: Tell) -> Iterator[None]:
    """Within the context, call `told(what, sources)` before kernels are compiled, once for each package of kernels.

    `what`: COMPILING or WAITING. `sources`: folder of the package, as `cache` takes it.
    """
    known = set[tuple[str, Path]]()

    def once(what: str, sources: Path) -> None:
        if (what, sources) not in known:
            known.add((what, sources))
            told(what, sources)

    token = _listener.set(once)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(what: str, sources: Path) -> None:
    """Tell the listener of this context; where there is none, the person in front of an interactive IPython."""
    if (told := _listener.get()) is not None:
        told(what, sources)
    elif "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        _tell_once(what, sources)


@cache
def _tell_once(what: str, sources: Path) -> None:
    print(f"Note: {sentence(what, sources)}", file=sys.stderr, flush=True)


def sentence(what: str, sources: Path) -> str:
    """Return what to say of kernels of `sources` that are missing: COMPILING or WAITING."""
    from collsim.jit.cache import cache_directory, is_temporary, user_root

    work, seconds = KERNELS.get(sources.name, (sources.name, 20))
    if what == WAITING:
        return f"another process is compiling the simulation kernels for {work}; waiting for it."
    if is_temporary(sources):
        return (
            f"compiling the simulation kernels for {work} takes about {seconds} s; as {user_root()} cannot be written, "
            f"they are kept in {cache_directory(sources)}: set XDG_CACHE_HOME to a place that can."
        )
    return f"compiling the simulation kernels for {work}, once; takes about {seconds} s."
