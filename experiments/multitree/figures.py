"""The figures of the study, one function each, drawn without a window from the rows of the parts."""

from __future__ import annotations

from pathlib import Path

import ablation
import frames as f
import matplotlib as mpl
import numpy as np
import pandas as pd
from bandwidth import SIZES
from figures_training import buckets, iteration
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from published import SIMULATOR
from scaling import TORI
from schemes import NETWORKS, SCHEMES

STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "legend.frameon": False,
}
RUNGS = {
    "RING": "#7F7F7F",
    "trees, packets interleave": "#F0E442",
    "trees, lowest step first": "#56B4E9",
    "lockstep, paper's estimate": "#0072B2",
    "lockstep, oracle": "#009E73",
    "messages, paper's estimate": "#D55E00",
}
"""Rungs of the ladder that are drawn, with their colours."""
PART_COLOURS = {
    "serialisation": "#0072B2",
    "link_wait": "#56B4E9",
    "credit_wait": "#E69F00",
    "step_wait": "#CC79A7",
    "latency": "#7F7F7F",
    "router": "#B8B8B8",
    "reduction": "#D55E00",
}


def draw(data: f.Frames, folder: Path) -> None:
    """Draw every figure whose part was run."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "bandwidth": [("bandwidth", bandwidth)],
        "scaling": [("scaling", scaling)],
        "training": [("training", iteration), ("buckets", buckets)],
        "ablation": [("ladder", ladder), ("critical_path", critical_path), ("changes", changes)],
    }
    with mpl.rc_context(STYLE):
        for part, figures in drawings.items():
            for name, drawing in figures:
                if part in data and _complete(data[part], name):
                    drawing(data[part]).savefig(folder / f"{name}.png", dpi=150, metadata={"Software": None})


def _complete(frame: pd.DataFrame, name: str) -> bool:
    """Whether the rows that a figure of the ablation compares are there: a part may have been stopped."""
    if name not in ("ladder", "critical_path", "changes"):
        return True
    rows = f.variants(frame, "change" if name == "changes" else "ladder")
    needed = {"base"} if name == "changes" else set(RUNGS)
    return bool(len(rows)) and all(needed <= set(own.variant) for _, own in rows.groupby(["network", "size_bytes"]))


def size_axis(axes: Axes, sizes: list[int]) -> None:
    """Label a logarithmic axis with sizes in binary units."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / 2**20:g} MiB" if v >= 2**20 else f"{v / 2**10:g} KiB"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", labelrotation=40)


def bandwidth(frame: pd.DataFrame) -> Figure:
    """All-reduce bandwidth over size, one panel a network; hollow marks are the authors' simulator."""
    frame = frame[frame.variant == ""]
    figure = Figure(figsize=(13, 6.8), layout="constrained")
    panels = figure.subplots(2, 4).flat
    shown: dict[str, object] = {}
    for axes, (network, title) in zip(panels, NETWORKS.items(), strict=True):
        own = frame[frame.network == network]
        for scheme in SCHEMES.values():
            rows = own[own.scheme == scheme.name].sort_values("size_bytes")
            look = {"color": scheme.colour, "marker": scheme.marker, "markersize": 5}
            if len(rows):
                (shown[scheme.name],) = axes.plot(rows.size_bytes, rows.gb_per_s, linewidth=1.5, **look)
            theirs = SIMULATOR.get(network, {}).get(scheme.name, {})
            points = [k * 1024 for k in theirs], [v * 2**30 / 1e9 for v in theirs.values()]
            axes.plot(*points, linestyle="none", markerfacecolor="none", **{**look, "markersize": 8})
        limit = own.groupby("size_bytes").bound_gb_per_s.max()
        (shown["no algorithm is faster"],) = axes.plot(limit.index, limit, color="black", linestyle=":", linewidth=1)
        axes.set_title(title)
        if len(own):
            size_axis(axes, [*SIZES[:-2], SIZES[-1]])
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    for axes in figure.axes[::4]:
        axes.set_ylabel("all-reduce bandwidth (GB/s)")
    for axes in figure.axes[4:]:
        axes.set_xlabel("data of a node")
    hollow = figure.axes[0].plot([], [], "o", color="black", markerfacecolor="none", markersize=8)[0]
    handles, names = [*shown.values(), hollow], [*shown, "authors' simulator (hollow)"]
    figure.legend(handles, names, loc="outside lower center", ncol=5)
    return figure


def scaling(frame: pd.DataFrame) -> Figure:
    """Weak scaling as bandwidth, strong scaling as time, and the speed-up over RING of both."""
    figure = Figure(figsize=(12, 3.9), layout="constrained")
    weak, strong, gain = figure.subplots(1, 3)
    nodes = frame.network.map(TORI)
    for axes, variant, column, unit in ((weak, "weak", "gb_per_s", 1.0), (strong, "strong", "time_fs", 1e12)):
        for scheme in SCHEMES.values():
            rows = frame[(frame.variant == variant) & (frame.scheme == scheme.name)]
            look = {"color": scheme.colour, "marker": scheme.marker, "markersize": 5, "linewidth": 1.5}
            if len(rows):
                axes.plot(nodes[rows.index], rows[column] / unit, label=scheme.name, **look)
    for variant, line in (("weak", "-"), ("strong", "--")):
        taken = f.times(frame[frame.variant == variant], ["network"])
        for name in ("2D-RING", "2D ring, hierarchical", "MULTITREE", "MULTITREEMSG"):
            scheme = SCHEMES[name]
            if name in taken:
                look = {"color": scheme.colour, "marker": scheme.marker, "markersize": 5, "linewidth": 1.5}
                gain.plot([TORI[n] for n in taken.index], taken["RING"] / taken[name], linestyle=line, **look)
    gain.plot([], [], color="black", label="weak")
    gain.plot([], [], color="black", linestyle="--", label="strong")
    for axes, title, label in (
        (weak, "weak: 375 KiB a node", "all-reduce bandwidth (GB/s)"),
        (strong, "strong: 24,000 KiB in all", "all-reduce time (ms)"),
        (gain, "speed-up over RING", "times as fast as RING"),
    ):
        axes.set_title(title)
        axes.set_ylabel(label)
        axes.set_xlabel("nodes of the torus")
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(TORI.values()), [str(n) for n in TORI.values()])
        axes.xaxis.set_minor_locator(NullLocator())
        if axes is not strong:
            axes.set_ylim(bottom=0)
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    strong.set_yscale("log")
    strong.set_yticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
    strong.yaxis.set_minor_locator(NullLocator())
    gain.legend(loc="upper left")
    figure.legend(*weak.get_legend_handles_labels(), loc="outside lower center", ncol=len(SCHEMES))
    return figure


def ladder(frame: pd.DataFrame) -> Figure:
    """Speed-up over RING of the trees alone and with each part of the co-design, by network and size."""
    rows = f.variants(frame, "ladder")
    sizes = sorted(set(rows.size_bytes))
    figure = Figure(figsize=(12, 2.7 * len(sizes) + 0.5), layout="constrained")
    for axes, size in zip(np.atleast_1d(figure.subplots(len(sizes), 1, sharex=True)), sizes, strict=True):
        taken = f.times(rows[rows.size_bytes == size], ["network"], "variant")
        names = [n for n in NETWORKS if n in taken.index]
        for place, (rung, colour) in enumerate(RUNGS.items()):
            at = np.arange(len(names)) + (place - (len(RUNGS) - 1) / 2) * 0.14
            heights = (taken["RING"] / taken[rung])[names]
            axes.bar(at, heights, 0.13, color=colour, label=rung, edgecolor="black", linewidth=0.4)
        axes.axhline(1, color="black", linewidth=0.6)
        axes.set_xticks(range(len(names)), [NETWORKS[n].replace(", ", "\n") for n in names])
        axes.set_ylabel("times as fast as RING")
        axes.set_title(f"{size // 2**20} MiB" if size >= 2**20 else f"{size // 2**10} KiB")
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
        axes.set_axisbelow(True)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncol=len(RUNGS))
    return figure


def critical_path(frame: pd.DataFrame) -> Figure:
    """What the critical path of RING and of the rungs waits for, in us, on three networks at the least and largest size."""
    rows = f.variants(frame, "ladder")
    networks = [n for n in ("torus8x8", "mesh8x8", "bigraph4x16") if n in set(rows.network)] or [rows.network.iloc[0]]
    sizes = sorted({min(rows.size_bytes), max(rows.size_bytes)})
    figure = Figure(figsize=(4.3 * len(networks) + 1.5, 2.2 * len(sizes) + 0.8), layout="constrained")
    grid = figure.subplots(len(sizes), len(networks), squeeze=False)
    for line, size in zip(grid, sizes, strict=True):
        for axes, network in zip(line, networks, strict=True):
            own = rows[(rows.network == network) & (rows.size_bytes == size)].set_index("variant").loc[list(RUNGS)]
            left = np.zeros(len(own))
            for part, colour in PART_COLOURS.items():
                width = own[f"{part}_ns"].to_numpy() / 1e3
                axes.barh(range(len(own)), width, left=left, color=colour, label=part.replace("_", " "))
                left += width
            axes.set_yticks(range(len(own)), list(RUNGS) if axes is line[0] else [""] * len(own))
            axes.invert_yaxis()
            axes.set_title(f"{NETWORKS[network]}, " + (f"{size // 2**20} MiB" if size >= 2**20 else f"{size // 2**10} KiB"))
            axes.set_xlabel("critical path (us)")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncol=len(PART_COLOURS))
    return figure


def changes(frame: pd.DataFrame) -> Figure:
    """What one altered setting does to the time of every scheme, on three networks at the larger size."""
    rows = f.variants(frame, "change")
    networks = [n for n in ("torus8x8", "mesh8x8", "bigraph4x8") if n in set(rows.network)] or [rows.network.iloc[0]]
    names = [c for c in dict.fromkeys(rows.variant) if c not in ("base", "one interface a node")]
    figure = Figure(figsize=(13, 0.34 * len(names) + 1.4), layout="constrained")
    for axes, network in zip(figure.subplots(1, len(networks), sharey=True, squeeze=False)[0], networks, strict=True):
        own = rows[rows.network == network]
        size = max(s for s in set(own.size_bytes) if s <= 2**21)
        taken = f.times(own[own.size_bytes == size], ["variant"])
        effect = 100 * (taken / taken.loc["base"] - 1)
        schemes = [s for s in SCHEMES if s in effect.columns]
        for place, scheme in enumerate(schemes):
            at = np.arange(len(names)) + 0.18 * (place - (len(schemes) - 1) / 2)
            look = {"color": SCHEMES[scheme].colour, "marker": SCHEMES[scheme].marker}
            values = effect[scheme].reindex(names)
            axes.plot(values, at, linestyle="none", markersize=5, label=scheme, alpha=0.85, **look)
        axes.axvline(0, color="black", linewidth=0.6)
        axes.set_xscale("symlog", linthresh=10, linscale=1.5)
        axes.set_xticks([-50, -10, -5, 0, 5, 10, 50, 200], ["-50", "-10", "-5", "0", "5", "10", "50", "200"])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_yticks(range(len(names)), names)
        axes.grid(linewidth=0.3, alpha=0.6)
        axes.set_title(f"{NETWORKS[network]}, " + (f"{size // 2**20} MiB" if size >= 2**20 else f"{size // 2**10} KiB"))
        axes.set_xlabel("change of the all-reduce's time (%),\nlogarithmic beyond 10")
    figure.axes[0].invert_yaxis()
    handles = {name: handle for axes in figure.axes for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncol=len(handles))
    return figure


assert set(RUNGS) - {"RING"} <= set(ablation.LADDER), "a rung that is drawn is not run"
