"""The process that works points off for `processes.Processes`: it answers one after another until nobody asks any more."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from collsim.jit.notice import listening
from collsim.sweep.answer import Bench, answer
from collsim.sweep.runner import Work

__all__ = ["ANSWER", "BEGUN", "DROP", "GIVE", "NOTICE", "READY", "main"]

READY, BEGUN, NOTICE, ANSWER = "ready", "begun", "notice", "answer"
"""What a worker says: that it is there; the number of the point it begins with; (what, folder) of kernels it compiles;
(number, answer) of a point."""
GIVE, DROP = "give", "drop"
"""What it is told: (number, work) of a point to run; the number of one that it need not run any more."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl
_KILL_ME_FIRST = "500"  # of -1000 to 1000; when memory runs out it is better to lose a point than the sweep


def main(handle: int) -> None:
    """Answer what comes through the connection with the file descriptor `handle`."""
    # Ctrl-C reaches every process of the terminal; who collects the answers decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _be_expendable()
    # What an algorithm of one's own prints must not end up among the results of `collsim sweep --csv -`.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    pipe: Connection = Connection(handle)
    bench, todo = Bench(), dict[int, Work]()

    def tell(what: str, sources: Path) -> None:
        pipe.send((NOTICE, what, str(sources)))

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError), listening(tell):
        pipe.send((READY,))
        while True:
            while not todo or pipe.poll():
                word, number, work = pipe.recv()
                if word == GIVE:
                    todo[number] = work
                else:
                    todo.pop(number, None)
            number = next(iter(todo))
            pipe.send((BEGUN, number))
            pipe.send((ANSWER, number, answer(todo.pop(number), bench)))


def _be_expendable() -> None:
    """Die with the parent, and before it when memory runs out, where the system knows how."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_KILL_ME_FIRST)
