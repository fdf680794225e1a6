"""Iterations of training as figures: ranks by time, coloured by what they do; and what schemes reach over ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from collsim.errors import InvalidValue
from collsim.report.output import check_drawable, write_file
from collsim.report.palette import BLUE, GREEN, GRID, MARKERS, ORANGE, SERIES

__all__ = ["Line", "plot_scaling", "plot_timelines"]

IntArray = NDArray[np.int64]
MILLISECOND = 10**12
KINDS = (("computing", BLUE), ("waiting", GRID), ("update", GREEN), ("communication", ORANGE))
SHOWN = 6
"""Iterations of the slowest scheme that a figure shows; more would be too narrow to read."""
MOST_ROWS = 16


class _Exchange(Protocol):
    @property
    def posted(self) -> IntArray: ...

    @property
    def received(self) -> IntArray: ...


class Line(Protocol):
    """What is drawn of one scheme, fs: int64[K, N] each; of every exchange, when it was posted and over on a rank."""

    @property
    def begun(self) -> IntArray:
        """Computing begins."""
        ...

    @property
    def computed(self) -> IntArray:
        """Computing ends."""
        ...

    @property
    def resumed(self) -> IntArray:
        """The update begins."""
        ...

    @property
    def ended(self) -> IntArray:
        """The update ends."""
        ...

    @property
    def exchanges(self) -> Sequence[_Exchange]:
        """All-reduces, or messages to and from servers."""
        ...


def plot_timelines(lines: Sequence[tuple[str, Line]], path: str | Path, title: str) -> None:
    """Draw one panel a scheme, ranks by time, into the image `path`: what each rank does, and below it what is in flight."""
    check_drawable(path)
    if not lines:
        raise InvalidValue("There is no scheme to draw.")
    reach = _reach([line for _, line in lines])
    rows = min(lines[0][1].ended.shape[1], MOST_ROWS)
    height = 0.75 + 0.16 * rows
    figure = Figure(figsize=(10.5, height * len(lines) + 1.1), layout="constrained")
    panels = figure.subplots(len(lines), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, line) in zip(panels, lines, strict=True):
        _panel(axes, line, rows, reach)
        axes.set_title(name, loc="left", fontsize=10)
    panels[-1].set_xlabel("time (ms)")
    shown = "" if rows == lines[0][1].ended.shape[1] else f" (ranks 0 to {rows - 1})"
    figure.suptitle(title + shown, fontsize=11)
    handles = [Patch(color=colour, label=kind) for kind, colour in KINDS]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))


def _reach(lines: Sequence[Line]) -> float:
    """Return where the time axis ends, ms: some iterations of the scheme of median speed, all of what is shorter."""
    ends = sorted(int(line.ended[:SHOWN, :].max()) for line in lines)
    longest = max(int(line.ended.max()) for line in lines)
    return min(ends[len(ends) // 2], longest) / MILLISECOND


def _panel(axes: Axes, line: Line, rows: int, reach: float) -> None:
    before = np.vstack([np.zeros_like(line.ended[:1]), line.ended[:-1]])
    spans = (
        ("computing", line.begun, line.computed),
        ("waiting", before, line.begun),
        ("waiting", line.computed, line.resumed),
        ("update", line.resumed, line.ended),
    )
    colours = dict(KINDS)
    for kind, begin, end in spans:
        _bars(axes, (begin, end), rows, colours[kind], -0.42, 0.55)
    for exchange in line.exchanges:
        _bars(axes, (exchange.posted[None, :], exchange.received[None, :]), rows, colours["communication"], 0.18, 0.22)
    axes.set(xlim=(0, reach), ylim=(rows - 0.5, -0.5), ylabel="rank")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _bars(axes: Axes, times: tuple[IntArray, IntArray], rows: int, colour: str, above: float, height: float) -> None:
    """Draw a bar between the two `times` (int64[K, N] fs) for each of the first `rows` ranks."""
    begin, end = times
    k, rank = np.nonzero(end[:, :rows] > begin[:, :rows])
    left, right = begin[k, rank] / MILLISECOND, end[k, rank] / MILLISECOND
    top = rank + above
    corners = [(left, top), (right, top), (right, top + height), (left, top + height)]
    shapes = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)
    axes.add_collection(PolyCollection(list(shapes), facecolors=colour, edgecolors="white", linewidths=0.4))


def plot_scaling(records: Sequence[Mapping[str, Any]], path: str | Path, title: str) -> None:
    """Draw throughput and efficiency over ranks, a line a scheme, into the image `path`; `records`: `Study.records`."""
    check_drawable(path)
    if not records:
        raise InvalidValue("There is no scheme to draw.")
    figure = Figure(figsize=(10.5, 4.4), layout="constrained")
    reached, share = figure.subplots(1, 2)
    ranks = sorted({int(r["ranks"]) for r in records})
    for place, name in enumerate(dict.fromkeys(str(r["scheme"]) for r in records)):
        own = sorted((r for r in records if r["scheme"] == name), key=lambda r: int(r["ranks"]))
        style: dict[str, Any] = {"color": SERIES[place % len(SERIES)], "marker": MARKERS[place % len(MARKERS)]}
        style |= {"markersize": 5, "linewidth": 1.5}
        at = [int(r["ranks"]) for r in own]
        reached.plot(at, [float(r["samples_per_s"]) for r in own], label=name, **style)
        share.plot(at, [100 * float(r["efficiency"]) for r in own], **style)
    ideal = [float(r["samples_per_s"]) / float(r["efficiency"]) for n in ranks for r in records if r["ranks"] == n][
        :: len(records) // len(ranks)
    ]
    reached.plot(ranks, ideal, "k--", linewidth=1.1, label="nobody waits")
    reached.set(xscale="log", yscale="log", ylabel="throughput (samples/s)", title="Throughput")
    share.set(xscale="log", ylim=(0, 105), ylabel="efficiency (%)", title="share of time computing and updating")
    for axes in (reached, share):
        axes.set_xlabel("ranks")
        axes.set_xticks(ranks, [str(n) for n in ranks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(True, color=GRID, linewidth=0.7)
        axes.set_axisbelow(True)
    reached.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    reached.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    reached.yaxis.set_minor_formatter(NullFormatter())
    figure.suptitle(title, fontsize=11)
    figure.legend(loc="outside right upper", frameon=False)
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))
