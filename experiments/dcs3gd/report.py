"""Tables and figures from the rows in results/; tables are written into README.md between their markers."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

NAMES = {
    "ssgd": "SSGD",
    "ssgd-overlap": "SSGD, overlapped",
    "dcs3gd": "DC-S3GD",
    "stale": "DC-S3GD, lambda_0 = 0",
    "pipe-sgd": "Pipe-SGD",
    "local-sgd": "local SGD, H = 4",
    "asgd": "ASGD, one server",
}
COLOURS = {
    "ssgd": "#0072B2",
    "ssgd-overlap": "#56B4E9",
    "dcs3gd": "#D55E00",
    "stale": "#E69F00",
    "pipe-sgd": "#CC79A7",
    "local-sgd": "#009E73",
    "asgd": "#7F7F7F",
}
TARGET = 0.05


def frame(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "results" / f"{name}.csv")


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def learning_table(folder: Path) -> str:
    """Steps to the target: mean of the seeds that reach it, and the loss after 200 steps."""
    rows = frame(folder, "learning")
    rates = sorted(rows["rate"].unique())
    lines = []
    for workers in sorted(rows["workers"].unique()):
        for scheme in [name for name in NAMES if name in set(rows["scheme"])]:
            cells = []
            for rate in rates:
                own = rows[(rows.workers == workers) & (rows.scheme == scheme) & (rows.rate == rate)]
                steps, final = own["steps_to_target"], own["loss"].mean()
                mean = f"{steps.mean():.0f}" if steps.notna().all() else "-" if steps.isna().all() else "some"
                cells.append(f"{mean} ({final:.2g})" if final < 1000 else f"{mean} (diverged)")
            lines.append([str(workers), NAMES[scheme], *cells])
    return table(["workers", "scheme", *(f"rate {rate:g}" for rate in rates)], lines)


def to_target(folder: Path) -> pd.DataFrame:
    """Return seconds of simulated time and steps to the target, a row a ratio, scheme and seed."""
    rows = frame(folder, "over_time")
    hit = rows[rows.loss < TARGET]
    return hit.groupby(["ratio", "scheme", "seed"], as_index=False).first()


def time_table(folder: Path) -> str:
    first = to_target(folder)
    lines = []
    for scheme in [name for name in NAMES if name in set(frame(folder, "over_time")["scheme"])]:
        cells = []
        for ratio in (0.5, 1.0, 2.0):
            own = first[(first.scheme == scheme) & (first.ratio == ratio)]
            plain = first[(first.scheme == "ssgd") & (first.ratio == ratio)]
            if len(own) < len(plain):
                cells += ["-", "-"]
                continue
            cells += [
                f"{own.step.mean():.0f} steps, {own.time_s.mean():.3f} s",
                f"{plain.time_s.mean() / own.time_s.mean():.2f}x",
            ]
        lines.append([NAMES[scheme], *cells])
    head = ["scheme", *(text for ratio in ("1/2", "1", "2") for text in (f"T_ar = {ratio} T_c", "sooner than SSGD"))]
    return table(head, lines)


def _pivot(folder: Path, part: str, column: str, text: str) -> tuple[list[float], dict[str, list[str]]]:
    rows = frame(folder, "timing")
    own = rows[rows.part == part]
    values = sorted(own["value"].unique())
    schemes = [name for name in NAMES if name in set(own["scheme"])]
    found = {
        name: [text.format(own[(own.scheme == name) & (own.value == value)][column].iloc[0]) for value in values]
        for name in schemes
    }
    return values, found


def bandwidth_table(folder: Path) -> str:
    values, cells = _pivot(folder, "bandwidth", "iteration_ms", "{:.2f}")
    head = ["iteration (ms)", *(f"T_ar = {value:g} T_c" for value in values)]
    return table(head, [[NAMES[name], *row] for name, row in cells.items()])


def gain_table(folder: Path) -> str:
    values, cells = _pivot(folder, "no-update", "gain", "{:.3f}")
    head = ["gain over SSGD, T_u = 0", *(f"T_ar = {value:g} T_c" for value in values)]
    return table(head, [[NAMES[name], *row] for name, row in cells.items()])


def noise_table(folder: Path) -> str:
    lines = []
    for ratio, words in (("0.5", "1/2"), ("1", "1")):
        values, cells = _pivot(folder, f"noise-{ratio}", "iteration_ms", "{:.2f}")
        lines += [[f"{NAMES[name]}, T_ar = {words} T_c", *row] for name, row in cells.items()]
    return table(["iteration (ms)", *(f"CV {value:g}" for value in values)], lines)


def slow_table(folder: Path) -> str:
    _, cells = _pivot(folder, "slow-node", "iteration_ms", "{:.2f}")
    _, calm = _pivot(folder, "bandwidth", "iteration_ms", "{:.2f}")
    lines = [[NAMES[name], calm[name][1], row[0]] for name, row in cells.items()]
    return table(["iteration (ms), T_ar = 1/2 T_c", "all alike", "one rank 1.5 times as long"], lines)


def scaling_table(folder: Path) -> str:
    values, cells = _pivot(folder, "scaling", "iteration_ms", "{:.2f}")
    return table(
        ["iteration (ms), 16 GB/s", *(f"{value:g} ranks" for value in values)], [[NAMES[n], *r] for n, r in cells.items()]
    )


TABLES = {
    "learning": learning_table,
    "time": time_table,
    "bandwidth": bandwidth_table,
    "gain": gain_table,
    "noise": noise_table,
    "slow": slow_table,
    "scaling": scaling_table,
}


def with_tables(text: str, folder: Path) -> str:
    """Return `text` with what stands between the markers of each table replaced by the table."""
    for name, make in TABLES.items():
        text = re.sub(
            rf"(<!-- table {name} -->\n).*?(<!-- end -->)",
            lambda found, make=make: f"{found[1]}{make(folder)}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
    return text


def write(folder: Path) -> None:
    readme = folder / "README.md"
    readme.write_text(with_tables(readme.read_text(), folder))
    loss_figure(folder)
    time_figure(folder)
    timing_figure(folder)


def _finish(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.grid(True, color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)


def loss_figure(folder: Path) -> None:
    rows = frame(folder, "curves")
    figure, panels = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained", sharey=True)
    for axes, rate in zip(panels, (0.5, 1.0), strict=True):
        for name in [n for n in NAMES if n in set(rows.scheme)]:
            own = rows[(rows.rate == rate) & (rows.scheme == name)]
            axes.plot(own.step, own.loss, color=COLOURS[name], label=NAMES[name], linewidth=1.4)
        axes.axhline(TARGET, color="black", linestyle=":", linewidth=1)
        axes.set(yscale="log", ylim=(1e-3, 300))
        _finish(axes, "iteration", "training loss (mean of 3 seeds)", f"8 workers, learning rate {rate:g}")
    panels[1].set_ylabel("")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    figure.savefig(folder / "loss_over_steps.png", dpi=130)


def time_figure(folder: Path) -> None:
    rows = frame(folder, "over_time")
    figure, panels = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained", sharey=True)
    for axes, (ratio, words) in zip(panels, ((0.5, "1/2"), (1.0, "1"), (2.0, "2")), strict=True):
        for name in [n for n in NAMES if n in set(rows.scheme)]:
            own = rows[(rows.ratio == ratio) & (rows.scheme == name)].groupby("step").mean(numeric_only=True)
            axes.plot(own.time_s, own.loss, color=COLOURS[name], label=NAMES[name], linewidth=1.4)
        axes.axhline(TARGET, color="black", linestyle=":", linewidth=1)
        longest = rows[(rows.ratio == ratio) & (rows.scheme == "ssgd")].time_s.max()
        axes.set(yscale="log", ylim=(3e-3, 5), xlim=(0, longest / 2))
        _finish(axes, "simulated time (s)", "training loss (mean of 3 seeds)" if ratio == 0.5 else "", f"T_ar = {words} T_c")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    figure.savefig(folder / "loss_over_time.png", dpi=130)


def timing_figure(folder: Path) -> None:
    rows = frame(folder, "timing")
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    for part, axes, column in (("bandwidth", panels[0], "iteration_ms"), ("no-update", panels[1], "gain")):
        for name in [n for n in NAMES if n in set(rows[rows.part == part].scheme)]:
            own = rows[(rows.part == part) & (rows.scheme == name)].sort_values("value")
            axes.plot(own.value, own[column], color=COLOURS[name], marker="o", markersize=4, label=NAMES[name])
        axes.set_xscale("log", base=2)
        axes.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    panels[0].set_ylim(0, 45)
    panels[1].axhline(2, color="black", linestyle=":", linewidth=1)
    panels[1].set_ylim(0, 2.6)
    for ratio, style in (("0.5", "-"), ("1", "--")):
        for name in ("ssgd", "dcs3gd"):
            own = rows[(rows.part == f"noise-{ratio}") & (rows.scheme == name)]
            words = f"T_ar = {'1/2' if ratio == '0.5' else '1'} T_c"
            panels[2].plot(own.value, own.iteration_ms, style, color=COLOURS[name], marker="o", markersize=4, label=words)
    panels[2].set_ylim(0, None)
    panels[2].legend(["SSGD, T_ar = 1/2 T_c", "DC-S3GD", "SSGD, T_ar = T_c", "DC-S3GD"], frameon=False, fontsize=8)
    _finish(panels[0], "T_ar / T_c", "iteration (ms)", "Iteration without noise")
    _finish(panels[1], "T_ar / T_c", "gain over SSGD", "Gain without an update")
    _finish(panels[2], "coefficient of variation of computing", "iteration (ms)", "Noise")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(folder / "timing.png", dpi=130)
