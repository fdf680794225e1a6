"""The figure of partial synchronisation: speedup over p with both baselines and the law, and where the time goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collsim.errors import InvalidValue
from collsim.report.output import check_drawable, write_file
from collsim.report.palette import BLUE, GREY, GRID, ORANGE, SILVER, SKY, VERMILION

__all__ = ["draw_speedups", "plot_partial_sync"]

OWN, STOCK, LAW = BLUE, VERMILION, GREY
PARTS = (
    ("compute", "computing", SILVER, ""),
    ("copies", "packing and joining", ORANGE, "///"),
    ("bytes", "exposed communication, bytes", BLUE, ""),
    ("alpha", "exposed communication, alpha", SKY, "..."),
)
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
Row = Mapping[str, Any]


def plot_partial_sync(rows: Sequence[Row], stock: Row, path: str | Path, title: str, share: float, measure: str) -> None:
    """Draw `rows` (as `Study.records` gives them) and the `stock` row into the image `path`.

    `share`: f of the law 1 / (1 - f (1 - p)). `measure`: what the time is called.
    """
    check_drawable(path)
    if not rows:
        raise InvalidValue("There is no share p to draw.")
    figure = Figure(figsize=(11.0, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_speedups(left, rows, share)
    _draw_parts(right, rows, stock, measure)
    figure.suptitle(title)
    write_file(path, lambda temporary: figure.savefig(temporary, dpi=150))


def draw_speedups(axes: Axes, rows: Sequence[Row], share: float) -> None:
    """Draw speedup over p: over both baselines, and the law."""
    line = sorted(rows, key=lambda row: float(row["p"]))
    at = [float(row["p"]) for row in line]
    steps = [k / 100 for k in range(101)]
    law = [1 / (1 - share * (1 - p)) for p in steps]
    axes.plot(steps, law, color=LAW, linestyle="--", linewidth=1.3, label=f"1 / (1 - f (1 - p)), f = {share:.3g}")
    # Where both baselines are the same run, the wider line shows below the narrow one.
    for key, label, colour, marker, width in (
        ("speedup_over_own_p1", "over its own p = 1", OWN, "o", 3.2),
        ("speedup_over_stock_megatron", "over stock Megatron (bf16)", STOCK, "s", 1.2),
    ):
        style = {"color": colour, "marker": marker, "linewidth": width, "markersize": 4 + 1.5 * width}
        axes.plot(at, [float(row[key]) for row in line], label=label, **style)  # type: ignore[arg-type]
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(xlim=(-0.02, 1.02), xlabel="p, share of the channels that is summed", ylabel="speedup", title="Speedup")
    axes.invert_xaxis()
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)


def _draw_parts(axes: Axes, rows: Sequence[Row], stock: Row, measure: str) -> None:
    bars = [("stock\nMegatron", stock), *((f"p = {float(row['p']):g}", row) for row in rows)]
    longest = max(float(row["time_s"]) for _, row in bars)
    scale, unit = next((found for found in UNITS if longest >= found[0]), UNITS[-1])
    names, below = [name for name, _ in bars], [0.0] * len(bars)
    for key, label, colour, hatch in PARTS:
        height = [_part(row, key) / scale for _, row in bars]
        if not any(height):
            continue
        axes.bar(names, height, 0.62, below, color=colour, label=label, edgecolor="white", hatch=hatch, linewidth=0.5)
        below = [a + b for a, b in zip(below, height, strict=True)]
    axes.set(ylabel=f"{measure} ({unit})", ylim=(0, 1.32 * longest / scale), title="Where the time goes")
    axes.legend(frameon=False, ncols=2, loc="upper center", fontsize="small")


def _part(row: Row, key: str) -> float:
    if key in ("compute", "copies"):
        return float(row[f"{key}_s"])
    alpha = float(row["exposed_s"]) * float(row["alpha_share"])
    return alpha if key == "alpha" else float(row["exposed_s"]) - alpha
