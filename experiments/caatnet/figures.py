"""Figures of the study: training over p, and where length and batch leave the speedup of inference."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

Row = dict[str, str]
OWN, STOCK, LAW, FREE = "#0072B2", "#D55E00", "#7F7F7F", "#009E73"
MODELS = {"caatnet-130m": "130M", "caatnet-1.1b": "1.1B", "caatnet-7b": "7B"}


def draw(rows: list[Row], folder: Path) -> None:
    """Write training.png and inference.png into `folder`."""
    folder.mkdir(exist_ok=True)
    training(rows, folder / "training.png")
    inference(rows, folder / "inference.png")


def pick(rows: list[Row], **wanted: str) -> list[Row]:
    """Return the rows of points (stock aside) with these values."""
    return [row for row in rows if row["p"] != "stock" and all(row[key] == value for key, value in wanted.items())]


def line(axes: Axes, rows: list[Row], x: str, y: str, **style: object) -> None:
    """Draw y over x, in the order of x."""
    points = sorted((float(row[x]), float(row[y])) for row in rows)
    axes.plot(*zip(*points, strict=True), linewidth=1.6, markersize=5, **style)


def training(rows: list[Row], path: Path) -> None:
    """One panel a model on gaudi3: speedup over p over both baselines, copies counted or fused."""
    figure, panels = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained", sharey=True)
    for axes, (model, name) in zip(panels, MODELS.items(), strict=True):
        for copies, dash, word in (("none", "-", "copies fused"), ("needed", ":", "copies counted")):
            found = pick(rows, set="training", machine="gaudi3", model=model, backward="fp32", copies=copies)
            line(axes, found, "p", "over_own", color=OWN, marker="o", linestyle=dash, label=f"over its own p = 1, {word}")
            line(axes, found, "p", "over_stock", color=STOCK, marker="s", linestyle=dash, label=f"over stock, {word}")
        narrow = pick(rows, set="training", machine="gaudi3", model=model, backward="bf16", copies="none")
        style = {"color": FREE, "marker": "^", "linestyle": "-"}
        line(axes, narrow, "p", "over_stock", **style, label="over stock, copies fused, gradients in bf16")
        line(axes, narrow, "p", "law", color=LAW, linestyle="--", label="law of that")
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set(title=f"{name}, training step, TP 8 on gaudi3", xlabel="p, share of the channels that is summed")
        axes.invert_xaxis()
        axes.grid(True, color="#DDDDDD", linewidth=0.7)
    panels[0].set_ylabel("speedup")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def inference(rows: list[Row], path: Path) -> None:
    """At p = 0.5: speedup over the length of a prompt with the law, and over the batch that decodes."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
    for copies, colour, word in (("none", OWN, "copies fused"), ("needed", STOCK, "copies counted")):
        found = pick(rows, set="lengths", copies=copies, p="0.5")
        line(left, found, "sequence", "over_stock", color=colour, marker="o", label=f"p = 0.5, {word}")
    line(left, pick(rows, set="lengths", copies="none", p="0.5"), "sequence", "law", color=LAW, linestyle="--", label="law")
    line(left, pick(rows, set="lengths", copies="none", p="0.5"), "sequence", "alpha_share", color=FREE, marker="^",
         linestyle=":", label="alpha's share of communication")  # fmt: skip
    left.set_xscale("log", base=4)
    left.set(title="Prompt of llama2-7b on gaudi3", xlabel="tokens of the prompt", ylabel="speedup over stock, or share")
    colours = {"gaudi3": OWN, "hgx-h100": STOCK}
    for machine, colour in colours.items():
        for model, marker in (("llama2-7b", "o"), ("llama2-70b", "s")):
            found = pick(rows, set="tokens", machine=machine, model=model, copies="none", p="0.5")
            line(right, found, "batch", "over_stock", color=colour, marker=marker, label=f"{model} on {machine}")
    right.set_xscale("log", base=4)
    right.set(title="A token at p = 0.5, copies fused, context 4,096", xlabel="sequences that decode together")
    right.set_ylabel("speedup over stock")
    for axes in (left, right):
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(
            [1, 16, 256, *([4096] if axes is left else [])], ["1", "16", "256", *(["4096"] if axes is left else [])]
        )
        axes.grid(True, color="#DDDDDD", linewidth=0.7)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
