"""Progress on stderr for whoever watches: shown after a second, never when piped, gone when the work is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

__all__ = ["progress"]

DELAY_S = 1.0


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int, str], None]]:
    """Yield a function (done, text) that moves the bar; without `total` a spinner with the time elapsed."""
    if not sys.stderr.isatty():
        yield lambda done, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
    bar = [BarColumn(), MofNCompleteColumn()] if total is not None else []
    display = Progress(*columns, *bar, console=Console(stderr=True), transient=True)
    task = display.add_task(what, total=total)
    timer = Timer(DELAY_S, display.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, text: display.update(task, completed=done, description=text)
    finally:
        timer.cancel()
        timer.join()
        display.stop()
