"""Observers: objects told of what happens, at no cost when there is none.

An observer has any of these methods (all arguments are integers but `final`):
`on_grant(link, message, packet, time, *, channel, size, end, final)`: the packet holds the link during [time, end);
`on_complete(message, time)`: complete(m) of the model; `on_progress(done, total, time)`: messages complete so far;
`on_crossings(crossings)`: all crossings (collsim/crossings.py), once, at the end of a run that ended well.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import numpy as np

from collsim.crossings import crossings_of

__all__ = ["Watch"]


class Watch:
    """The methods of `observers`, collected by name in their order; an empty list is all that absence costs."""

    def __init__(self, observers: Sequence[object] = ()):
        self.on_grant = _methods(observers, "on_grant")
        self.on_complete = _methods(observers, "on_complete")
        self.on_progress = _methods(observers, "on_progress")
        self._on_crossings = _methods(observers, "on_crossings")
        self._grants = array("q")
        if self._on_crossings:
            self.on_grant.append(self._keep)

    def end(self) -> None:
        """Tell the crossings to those who asked for them."""
        if self._on_crossings:
            found = crossings_of(*np.array(self._grants, dtype=np.int64).reshape(-1, 4).T)
            for tell in self._on_crossings:
                tell(found)

    def _keep(self, link: int, message: int, packet: int, time: int, *, end: int, **_: int) -> None:
        self._grants.extend((message, link, time, end))


def _methods(observers: Sequence[object], name: str) -> list[Callable[..., None]]:
    return [getattr(observer, name) for observer in observers if hasattr(observer, name)]
