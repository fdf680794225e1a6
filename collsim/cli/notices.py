"""What a person is told on stderr while kernels are compiled: the first run takes longer, and why."""

from __future__ import annotations

from pathlib import Path

import click

from collsim.jit.notice import WAITING

__all__ = ["compile_notice"]

KERNELS = {
    "trains": ("message trains", 10),
    "compiled": ("packets", 20),
    "kernels": ("large schedules", 15),
}
"""Folder of a package of kernels to what they work on, and about how many seconds they compile."""


def compile_notice(what: str, sources: Path) -> None:
    """Print a sentence on kernels that are missing, for `collsim.jit.notice.listening`."""
    from collsim.jit.cache import cache_directory, is_temporary, user_root

    work, seconds = KERNELS.get(sources.name, (sources.name, 20))
    if what == WAITING:
        text = f"another process is compiling the simulation kernels for {work}; waiting for it."
    elif is_temporary(sources):
        text = (
            f"compiling the simulation kernels for {work} takes about {seconds} s; as {user_root()} cannot be written, "
            f"they are kept in {cache_directory(sources)}: set XDG_CACHE_HOME to a place that can."
        )
    else:
        text = f"compiling the simulation kernels for {work}, once; takes about {seconds} s."
    click.echo(f"Note: {text}", err=True)
