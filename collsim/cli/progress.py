"""Progress on stderr for whoever watches: shown after a second, never when piped, gone when the work is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import click

__all__ = ["MessageBar", "Show", "progress", "stopped_after"]

Show = Callable[[int, int | None, str], None]

DELAY_S = 1.0


class MessageBar:
    """An engine's observer that moves a progress bar: `show(done, total, text)`."""

    def __init__(self, show: Show, text: str):
        self._show, self._text = show, text

    def on_progress(self, done: int, total: int, time: int) -> None:
        """Take the number of messages complete so far, as engines report it."""
        self._show(done, total, self._text)


@contextmanager
def progress(what: str, left: bool = False) -> Iterator[Show]:
    """Yield a function (done, total, text) that moves the bar; until it is called the bar only counts the time.

    `left`: say how much time is left, where the work comes in many parts.
    """
    if not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), BarColumn(), MofNCompleteColumn()]
    display = Progress(*columns, *_left(left), console=Console(stderr=True), transient=True, speed_estimate_period=600)
    task = display.add_task(what, total=None)
    timer = Timer(DELAY_S, display.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, total, text: display.update(task, completed=done, total=total, description=text)
    finally:
        timer.cancel()
        timer.join()
        display.stop()


def _left(wanted: bool) -> list[Any]:
    """Return the columns that say how much time is left."""
    from rich.progress import TextColumn, TimeRemainingColumn

    return [TimeRemainingColumn(), TextColumn("left")] if wanted else []


def stopped_after(why: BaseException | None, what: str) -> int:
    """Return the exit code of a command that has written the `what` it completed: 0, or 130 where Ctrl-C cut it short.

    A run that failed is raised, after what was complete before it has been written.
    """
    if why is None:
        return 0
    if not isinstance(why, KeyboardInterrupt):
        raise why
    click.echo(f"Error: Interrupted; the {what} above are complete, the others are missing.", err=True)
    return 130
