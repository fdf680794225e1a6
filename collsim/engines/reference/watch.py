"""Observers: objects told of what happens, at no cost when there is none.

An observer has any of these methods (all arguments are integers but `final`):
`on_grant(link, message, packet, time, *, channel, size, end, final)`: the packet holds the link during [time, end);
`on_complete(message, time)`: complete(m) of the model; `on_progress(done, total, time)`: messages complete so far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["Watch"]


class Watch:
    """The methods of `observers`, collected by name in their order; an empty list is all that absence costs."""

    def __init__(self, observers: Sequence[object] = ()):
        self.on_grant = _methods(observers, "on_grant")
        self.on_complete = _methods(observers, "on_complete")
        self.on_progress = _methods(observers, "on_progress")


def _methods(observers: Sequence[object], name: str) -> list[Callable[..., None]]:
    return [getattr(observer, name) for observer in observers if hasattr(observer, name)]
