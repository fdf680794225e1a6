"""What a person is told on stderr while kernels are compiled: the first run takes longer, and why."""

from __future__ import annotations

from pathlib import Path

import click

from collsim.jit.notice import KERNELS, sentence

__all__ = ["KERNELS", "compile_notice"]


def compile_notice(what: str, sources: Path) -> None:
    """Print a sentence on kernels that are missing, for `collsim.jit.notice.listening`."""
    click.echo(f"Note: {sentence(what, sources)}", err=True)
