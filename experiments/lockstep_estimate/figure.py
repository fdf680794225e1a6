"""Draws estimate.png from the rows of run.py: time over the estimate, and how many messages others hold up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from collsim.units import format_size, parse_size

COLOURS = ("#0072B2", "#D55E00", "#56B4E9", "#CC79A7")
"""Told apart by colour-blind readers as well (Okabe and Ito)."""
MODE = "credit"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw a column a network, lines by chunk size, packets only (messages differ by less than a line's width)."""
    chosen = [row for row in rows if row["flow_control"] == MODE]
    networks, chunks = (list(dict.fromkeys(row[key] for row in chosen)) for key in ("topology", "chunk"))
    figure, axes = plt.subplots(
        2,
        len(networks),
        figsize=(3.1 * len(networks), 6.4),
        sharex=True,
        sharey="row",
        height_ratios=(2.2, 1),
        squeeze=False,
    )
    for column, network in enumerate(networks):
        for chunk, colour in zip(chunks, COLOURS, strict=False):
            mine = {row["estimate"]: row for row in chosen if (row["topology"], row["chunk"]) == (network, chunk)}
            times(axes[0][column], mine, colour)
            held(axes[1][column], mine, colour)
        steps = next(row["steps"] for row in chosen if row["topology"] == network)
        dress(axes[0][column], axes[1][column], f"{network}, {steps} steps")
    axes[0][0].set_ylabel("time / time with the oracle")
    axes[1][0].set_ylabel("messages held up\nby others (%)")
    figure.supxlabel("estimate / T, the mean step with the oracle", fontsize=10, y=0.075)
    figure.suptitle("MULTITREE all-reduce on lockstep NICs: what a wrong step estimate costs", fontsize=12)
    figure.legend(handles=legend(chunks), loc="lower center", ncols=4 + len(chunks), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.075, 1, 1))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def swept(rows: dict[str, dict[str, Any]]) -> list[tuple[float, dict[str, Any]]]:
    """Return (estimate / T, row) of the estimates that are numbers, ascending."""
    return sorted(((float(name), row) for name, row in rows.items() if name[0].isdigit()), key=lambda pair: pair[0])


def times(axis: Axes, rows: dict[str, dict[str, Any]], colour: str) -> None:
    """Draw the curve, full points where messages are held up, and where the named estimates and the free NIC lie."""
    points = [(x, float(row["over_oracle"]), int(row["held_messages"])) for x, row in swept(rows)]
    axis.plot([x for x, _, _ in points], [y for _, y, _ in points], color=colour, lw=1.6)
    meet = [(x, y) for x, y, count in points if count]
    axis.plot([x for x, _ in meet], [y for _, y in meet], "o", color=colour, ms=4)
    step = float(rows["oracle"]["time_ns"]) / int(rows["oracle"]["steps"])
    for name, mark in (("schedule", "^"), ("multitree-isca21", "s")):
        place = float(rows[name]["estimate_ns"]) / step, float(rows[name]["over_oracle"])
        axis.plot(*place, mark, color=colour, mec="black", ms=7)
    axis.plot(-0.12, float(rows["free"]["over_oracle"]), "*", color=colour, mec="black", ms=10, clip_on=False)


def held(axis: Axes, rows: dict[str, dict[str, Any]], colour: str) -> None:
    """Draw the share of messages that others hold up."""
    shares = [(x, 100 * int(row["held_messages"]) / int(row["messages"])) for x, row in swept(rows)]
    axis.plot([x for x, _ in shares], [y for _, y in shares], color=colour, lw=1.6)


def dress(upper: Axes, lower: Axes, title: str) -> None:
    """Mark the exact step, the side on which links idle, and where nothing ever meets."""
    upper.set_title(title, fontsize=10)
    for axis in (upper, lower):
        axis.axvspan(1, 3, color="#f3ead3", lw=0)
        axis.axvline(1, color="black", lw=0.8)
        axis.set_xlim(-0.2, 3)
        axis.grid(alpha=0.3)
    upper.axhline(1, color="black", lw=0.8)
    upper.set_ylim(0, 3)
    upper.text(0.94, 2.8, "too short", fontsize=8, ha="right")
    upper.text(1.06, 2.8, "too long", fontsize=8)
    upper.text(1.08, 0.12, "links idle:\n(estimate - T) a step", fontsize=8, color="#7a5c00")
    lower.set_ylim(-3, 100)
    if not any(line.get_ydata().any() for line in lower.lines[:-1]):
        lower.text(1.5, 45, "none, at any estimate", fontsize=8, ha="center")


def legend(chunks: list[str]) -> list[Line2D]:
    """Return what the colours and marks mean."""
    sizes = [
        Line2D([], [], color=colour, lw=1.6, label=f"chunks of {format_size(parse_size(chunk))}")
        for chunk, colour in zip(chunks, COLOURS, strict=False)
    ]
    marks = [("^", 7, "estimate 'schedule'"), ("s", 7, "the paper's formula"), ("*", 10, "no lockstep")]
    dots = Line2D([], [], marker="o", ms=5, color="grey", lw=1.6, label="others hold messages up")
    plain = {"color": "white", "mec": "black", "lw": 0}
    return [*sizes, dots, *(Line2D([], [], marker=m, ms=size, label=label, **plain) for m, size, label in marks)]
