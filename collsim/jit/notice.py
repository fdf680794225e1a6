"""Who is told that kernels are about to be compiled: nobody, unless a caller asks for it while it runs something.

Compiling takes seconds, once, and only the moment at which a kernel is found missing in the cache is sure to be right:
an interrupted compilation, another version or a kernel that no run has needed so far leave a cache that holds something,
but not this. So the kernels tell, and the command line, which may print, listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

__all__ = ["COMPILING", "WAITING", "Tell", "listening", "tell"]

COMPILING, WAITING = "compiling", "waiting"
"""What is told: that kernels are missing and compiled now, or that another process is at it and is waited for."""

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
    """Tell the listener of this context, if there is one."""
    if (told := _listener.get()) is not None:
        told(what, sources)
