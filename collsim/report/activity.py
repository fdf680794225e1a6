"""What ranks of a program do over time, as a figure: a panel a run, a row a rank, computing above what is in flight.

It is for programs that repeat themselves, as layers of a network do: the first computations are drawn, wide enough to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from collsim.errors import InvalidValue
from collsim.program import Call, Compute, Program
from collsim.report.drawing import save
from collsim.report.output import check_drawable
from collsim.report.palette import BLUE, GRID, ORANGE
from collsim.report.trace import Traced
from collsim.result import Result
from collsim.units import format_time

__all__ = ["MOST_ROWS", "SHOWN", "Bar", "activity", "plot_activity"]

Bar = tuple[int, int, int]
"""Row, start and end in fs."""
KINDS = (("computing", BLUE), ("communication", ORANGE), ("waiting", GRID))
SHOWN = 9
"""Computations of a rank that a figure shows."""
MOST_ROWS = 16


def plot_activity(runs: Sequence[tuple[str, Traced]], path: str | Path, title: str) -> None:
    """Draw (name, run) pairs below each other into the image `path`, the same times below each other."""
    check_drawable(path)
    if not runs:
        raise InvalidValue("There is no run to draw.")
    found = [(name, *activity(run.program, run.result, _rows(run)), run.result.time) for name, run in runs]
    every = max(sum(row == 0 for row, _, _ in computing) for _, computing, _, _ in found)
    reach = max(_reach(computing) for _, computing, _, _ in found)
    rows = max(len(_rows(run)) for _, run in runs)
    height = 0.55 + 0.16 * rows
    figure = Figure(figsize=(10.5, height * len(runs) + 1.1), layout="constrained")
    panels = figure.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, computing, flying, end) in zip(panels, found, strict=True):
        _bars(axes, [(row, 0, end) for row in range(rows)], GRID, -0.42, 0.55)
        _bars(axes, computing, BLUE, -0.42, 0.55)
        _bars(axes, flying, ORANGE, 0.18, 0.22)
        axes.set(xlim=(0, reach), ylim=(rows - 0.5, -0.5), ylabel="rank")
        axes.set_title(f"{name}: {format_time(end)}", loc="left", fontsize=10)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.tick_params(axis="y", length=0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    panels[-1].set_xlabel("time")
    panels[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_time(round(value)) if value > 0 else "0"))
    part = f", the first {SHOWN} of {every:,} computations" if every > SHOWN else ""
    ranks = f", ranks 0 to {rows - 1}" if any(len(run.hosts) > rows for _, run in runs) else ""
    figure.suptitle(title + part + ranks, fontsize=11)
    handles = [Patch(color=colour, label=kind) for kind, colour in KINDS]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    save(figure, path)


def activity(program: Program, result: Result, rows: Mapping[int, int]) -> tuple[list[Bar], list[Bar]]:
    """Return when ranks compute, and when collectives of theirs are in flight, by first grant and last arrival.

    `rows`: the row of each host that is drawn.
    """
    computing: list[Bar] = []
    flying: list[Bar] = []
    started = result.message_ready if result.message_started is None else result.message_started
    first = program.first_message.tolist()
    for place, (operation, finish) in enumerate(zip(program.operations, result.operation_finish.tolist(), strict=True)):
        if isinstance(operation, Compute):
            if operation.host in rows and operation.duration:
                computing.append((rows[operation.host], finish - operation.duration, finish))
        elif isinstance(operation, Call):
            own = slice(first[place], first[place + 1])
            begin = np.where(started[own] < 0, result.message_ready[own], started[own])
            hosts = operation.schedule.ranks_to_hosts.tolist()
            flying += [(rows[host], int(begin.min()), finish) for host in hosts if host in rows and len(begin)]
    return computing, flying


def _rows(run: Traced) -> dict[int, int]:
    return {host: row for row, host in enumerate(run.hosts[:MOST_ROWS])}


def _reach(computing: Sequence[Bar]) -> int:
    """Return where the first computations of row 0 end."""
    ends = sorted(end for row, _, end in computing if row == 0)[:SHOWN]
    return max(ends, default=1)


def _bars(axes: Axes, bars: Sequence[Bar], colour: str, above: float, height: float) -> None:
    shapes = [
        [(start, row + above), (end, row + above), (end, row + above + height), (start, row + above + height)]
        for row, start, end in bars
    ]
    axes.add_collection(PolyCollection(shapes, facecolors=colour, edgecolors="white", linewidths=0.4))
