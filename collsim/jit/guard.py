"""What must not happen while kernels are compiled: two processes at the same kernel, or a Ctrl-C that gets lost.

numba writes its cache files whole, so that none is ever half there, but two processes that find a kernel missing at the
same time would both spend the seconds, and number their files alike. One of them waits here. LLVM calls back into Python,
where an exception is printed and forgotten; so Ctrl-C is kept until the next point at which it is safe to raise it.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows: both compile, and whoever writes last wins with an equal kernel
    fcntl = None

__all__ = ["LONGEST_WAIT_S", "alone", "interruptible"]

LONGEST_WAIT_S = 180.0
"""After this the other process is thought to be stopped, and one's own compilation goes ahead beside it."""
PAUSE_S = 0.05


@contextmanager
def alone(lock: Path, waits: Callable[[], None]) -> Iterator[bool]:
    """Hold the file `lock` against other processes and threads; yield whether another held it, when `waits` is called."""
    try:
        held: IO[bytes] = lock.open("wb")
    except OSError:
        yield False  # no file, no lock: the cache is read-only, and nobody writes there
        return
    with held:
        yield _acquire(held, waits)


def _acquire(held: IO[Any], waits: Callable[[], None]) -> bool:
    """Lock until the file is closed, or go on where that cannot be had; tell whether there was a wait."""
    if fcntl is None:
        return False
    deadline: float | None = None
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return deadline is not None
        except BlockingIOError:
            if deadline is None:
                deadline = time.monotonic() + LONGEST_WAIT_S
                waits()
            elif time.monotonic() > deadline:
                return True
            time.sleep(PAUSE_S)
        except OSError:  # a file system without locks
            return False


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Keep Ctrl-C back within the context; the function yielded raises it where it has come, as does leaving the context.

    Only where Python's own handler is in place: who has another one knows what to do. Signals reach the main thread alone.
    """
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    main = threading.main_thread()
    if not ours or threading.current_thread() is not main:
        yield lambda: None
        return
    came = False

    def keep(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    def check() -> None:
        if came and threading.current_thread() is main:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, keep)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check()
