"""The crossings of a run of trains: each shape's legs on the links of its path, from the tick at which its train began."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from collsim.crossings import Crossings, in_order
from collsim.engines.compiled.trains.layout import Trains

__all__ = ["train_crossings"]

IntArray = NDArray[np.int64]


def train_crossings(trains: Trains) -> Crossings:
    """Return all crossings of a run that has ended."""
    found = trains.message
    operation = trains.operation[found["operation"]]
    row = operation["row"] + np.arange(len(found)) - operation["message"]
    path, started = trains.row["path"][row], found["started"]
    message = np.flatnonzero((path >= 0) & (started >= 0))
    shape, way = trains.shape[found["shape"][message]], trains.path[path[message]]
    which, place = _each(way["hops"].astype(np.int64))
    leg = trains.leg[shape["first"][which] + place]
    link = trains.hop["link"][way["first"][which] + place].astype(np.int64)
    start = started[message][which]
    return in_order(message[which], link, start + leg["begin"], start + leg["end"], leg["busy"], shape["packets"][which])


def _each(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return (k, 0), (k, 1), ... up to counts[k] for every k, as two arrays."""
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
