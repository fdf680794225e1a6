"""How things show themselves as the value of a notebook's cell: found by name, since reports lie above what they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collsim.registry import Registry

__all__ = ["DISPLAYS", "html_of"]

DISPLAYS: Registry[Callable[[Any], str]] = Registry("display", "collsim.report.displays", "collsim.displays")
"""Functions from a thing ("topology", "schedule", "outcome") to HTML."""


def html_of(kind: str, what: Any) -> str:
    """Return `what` as HTML, as the display of its `kind` has it."""
    return DISPLAYS.get(kind)(what)
