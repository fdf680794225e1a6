"""What the paper's four mean speed-ups of an all-reduce may be means of: every reading beside what the paper prints."""

from __future__ import annotations

from collections.abc import Iterator

import frames as f
import numpy as np
import pandas as pd
from published import MEANS
from schemes import NETWORKS

from collsim.units import format_size

DIRECT = [name for name in NETWORKS if name.startswith(("torus", "mesh"))]


def averages(data: f.Frames) -> list[list[str]]:
    """Return the table: a reading a row, arithmetic / geometric mean a cell, and how far the two are from the paper."""
    table = [["mean over", *(f"{a} over {b}" for a, b in MEANS), "farthest from the paper"]]
    table.append(["**the paper**", *(f"{value:g}x" for value in MEANS.values()), ""])
    for name, taken in _readings(data):
        pairs = [_means(taken, scheme, base) for scheme, base in MEANS]
        cells = [" / ".join(f"{mean:.2f}" for mean in pair) + "x" if pair else "-" for pair in pairs]
        table.append([name, *cells, _farthest(pairs)])
    return table


def _readings(data: f.Frames) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (what is averaged over, times with a column a scheme)."""
    if "training" in data:
        after, layers = f.after(data["training"]), f.finest_overlap(data["training"])
        yield (
            "gradients of seven networks, torus 8x8, as the paper says",
            f.times(after, ["model"], value="communication_fs"),
        )
        yield "the same with computing", f.times(after, ["model"])
        yield "the same, overlapped layer by layer", f.times(layers, ["model"])
    if "scaling" in data:
        frame = data["scaling"]
        yield "five tori at 375 KiB a node", f.times(frame[frame.variant == "weak"], ["network"])
    if "bandwidth" in data:
        frame = data["bandwidth"]
        taken = f.times(frame[frame.variant == ""], ["network", "size_bytes"])
        for title, networks in (
            *((NETWORKS[name], [name]) for name in DIRECT),
            ("both tori", DIRECT[:2]),
            ("both meshes", DIRECT[2:]),
            ("tori and meshes", DIRECT),
            ("all eight networks", list(NETWORKS)),
        ):
            yield f"{title}, 32 KiB to 64 MiB", taken[taken.index.get_level_values(0).isin(networks)]
        for size in sorted(set(taken.index.get_level_values(1))):
            yield f"all eight networks, {format_size(size)}", taken[taken.index.get_level_values(1) == size]


def _means(taken: pd.DataFrame, scheme: str, base: str) -> tuple[float, float] | None:
    """Return the arithmetic and the geometric mean of the speed-ups, None where nothing was run."""
    if not {scheme, base} <= set(taken.columns):
        return None
    ratio = (taken[base] / taken[scheme]).dropna()
    return (float(ratio.mean()), float(np.exp(np.log(ratio).mean()))) if len(ratio) else None


def _farthest(pairs: list[tuple[float, float] | None]) -> str:
    """Return the largest deviation from the paper over the four, of arithmetic and of geometric means."""
    if None in pairs:
        return "-"
    off = [
        max((pair[kind] / paper - 1 for pair, paper in zip(pairs, MEANS.values(), strict=True) if pair), key=abs)
        for kind in (0, 1)
    ]
    return " / ".join(f"{100 * each:+.0f}" for each in off) + " %"
