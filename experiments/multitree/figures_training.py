"""Figures of the training part: iterations broken down, and the choice of the bucket size."""

from __future__ import annotations

import frames as f
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from schemes import SCHEMES
from tables import bucket_name
from training import BUCKETS, MODELS

COMPUTE = "#D9D9D9"


def iteration(frame: pd.DataFrame) -> Figure:
    """Computing and exposed communication of an iteration, 100 % is RING after back-propagation; below, overlapped."""
    schemes = [s for s in SCHEMES if s in set(frame.scheme)]
    plain = f.after(frame).set_index(["model", "scheme"])
    over = f.best_overlap(frame).set_index(["model", "scheme"])
    models = [m for m in MODELS if (m, "RING") in plain.index]
    figure = Figure(figsize=(12, 6.2), layout="constrained")
    for axes, rows, title in zip(
        figure.subplots(2, 1, sharex=True, sharey=True),
        (plain, over),
        ("one all-reduce after back-propagation", "all-reduces overlapped with back-propagation, best bucket size of each"),
        strict=True,
    ):
        for place, scheme in enumerate(schemes):
            at = np.arange(len(models)) + (place - (len(schemes) - 1) / 2) * 0.16
            whole = np.array([plain.time_fs[m, "RING"] for m in models]) / 100
            run = pd.MultiIndex.from_tuples([(m, scheme) for m in models])
            compute, exposed = (rows[column].reindex(run).to_numpy() / whole for column in ("compute_fs", "exposed_fs"))
            edge = {"edgecolor": "black", "linewidth": 0.4}
            axes.bar(at, compute, 0.15, color=COMPUTE, label="computing" if not place else None, **edge)
            colour = SCHEMES[scheme].colour
            axes.bar(at, exposed, 0.15, bottom=compute, color=colour, label=scheme, **edge)
        axes.set_xticks(range(len(models)), [MODELS[m] for m in models])
        axes.set_ylabel("iteration (% of RING\nafter back-propagation)")
        axes.set_title(title)
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
        axes.set_axisbelow(True)
    title = "communication that computing does not cover, on top of computing"
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncol=6, title=title)
    return figure


def buckets(frame: pd.DataFrame) -> Figure:
    """Communication that computing does not cover, over the bucket size, one panel a network."""
    rows = frame[(frame.overlap == "yes") & (frame.shapes == "authors")]
    models = [m for m in MODELS if m in set(rows.model)]
    figure = Figure(figsize=(12, 6), layout="constrained")
    order = [str(b) for b in BUCKETS]
    panels = list(figure.subplots(2, 4).flat)
    for axes, model in zip(panels, models, strict=False):
        own = rows[rows.model == model]
        present = [b for b in order if b in set(own.bucket)]
        for scheme in [s for s in SCHEMES if s in set(own.scheme)]:
            line = own[own.scheme == scheme].set_index("bucket").exposed_fs.reindex(present) / 1e12
            look = {"color": SCHEMES[scheme].colour, "marker": SCHEMES[scheme].marker, "markersize": 5}
            axes.plot(range(len(present)), line, label=scheme, linewidth=1.3, **look)
        axes.set_xticks(range(len(present)), [bucket_name(b) for b in present], rotation=40)
        axes.set_title(MODELS[model])
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
        axes.set_xlabel("bucket is full from")
        if axes in panels[::4]:
            axes.set_ylabel("communication that computing\ndoes not cover (ms)")
    for axes in panels[len(models) :]:
        axes.set_axis_off()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncol=len(SCHEMES))
    return figure
