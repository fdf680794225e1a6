"""The claims of the paper beside what was simulated, one row each; nothing here is a number that was not measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import frames as f
import pandas as pd
from published import CONVOLUTIONS, DENSE, MEANS
from schemes import NETWORKS
from training import MODELS


@dataclass(frozen=True)
class Claim:
    """`paper` and `simulated` as text, one row of the table."""

    what: str
    paper: str
    simulated: str


def claims(data: f.Frames) -> Iterator[Claim]:
    """Yield every claim whose part was run."""
    if "training" in data:
        yield from _all_reduce(data["training"])
        yield from _training(data["training"])
    if "scaling" in data:
        yield from _scaling(data["scaling"])
    if "bandwidth" in data:
        yield from _curves(data["bandwidth"])


def _all_reduce(frame: pd.DataFrame) -> Iterator[Claim]:
    taken = f.times(f.after(frame), ["model"], value="communication_fs")
    for (scheme, over), paper in MEANS.items():
        ratio = taken[over] / taken[scheme]
        text = f"{ratio.mean():.2f}x ({ratio.min():.2f} to {ratio.max():.2f})"
        yield Claim(f"all-reduce of all gradients, 8x8 torus, mean of networks, {scheme} over {over}", f"{paper:g}x", text)
    for shapes, note in (("authors", ""), ("authors, needed", ", without the gradient of the network's own input")):
        rows = f.after(frame, shapes)
        share = f.times(rows.assign(share=100 * rows.exposed_fs / rows.time_fs), ["model"], value="share")
        if len(share):
            low, high = share["RING"].idxmin(), share["RING"].idxmax()
            yield Claim(
                f"share of communication with RING, 8x8 torus{note}",
                "30 % to 88 %",
                f"{share['RING'][low]:.0f} % ({MODELS[low]}) to {share['RING'][high]:.0f} % ({MODELS[high]})",
            )


def _training(frame: pd.DataFrame) -> Iterator[Claim]:
    plain = f.times(f.after(frame), ["model"])
    over = f.times(f.best_overlap(frame), ["model"])
    layers = f.times(f.finest_overlap(frame), ["model"])
    for models, name, papers in (
        (CONVOLUTIONS, "AlexNet, FasterRCNN, GoogLeNet, ResNet50", ("up to 34 %", "up to 15 %")),
        (DENSE, "NCF, Transformer", ("up to 81 %", "up to 30 %")),
    ):
        for base, paper in zip(("RING", "2D-RING"), papers, strict=True):
            for scheme in ("MULTITREE", "MULTITREEMSG"):
                yield Claim(f"training, {name}, {scheme} over {base}", paper, _both(plain, models, base, scheme))
    for models, name, papers in (
        (CONVOLUTIONS, "AlexNet, FasterRCNN, GoogLeNet, ResNet50", ("about 10 %", "-")),
        (DENSE, "NCF, Transformer", ("2x", "1.37x")),
    ):
        for base, paper in zip(("RING", "2D-RING"), papers, strict=True):
            what = f"overlapped, {name}, MULTITREEMSG over {base}"
            yield Claim(f"{what}, layer by layer", paper, _both(layers, models, base, "MULTITREEMSG"))
            yield Claim(f"{what}, best bucket of each", paper, _both(over, models, base, "MULTITREEMSG"))


def _both(taken: pd.DataFrame, models: tuple[str, ...], base: str, scheme: str) -> str:
    """Return the largest gain in both readings of a percentage: how much faster, and how much time is saved."""
    part = taken.loc[[m for m in models if m in taken.index]]
    ratio = (part[base] / part[scheme]).dropna()
    if ratio.empty:
        return "not run"
    top = ratio.idxmax()
    least = 100 * (ratio.min() - 1)
    return (
        f"{100 * (ratio[top] - 1):.0f} % faster, {100 * (1 - 1 / ratio[top]):.0f} % of time saved "
        f"({MODELS[top]}; least {least:.0f} % faster)"
    )


def _scaling(frame: pd.DataFrame) -> Iterator[Claim]:
    taken = f.times(frame[frame.variant == "weak"], ["network"])
    for base, paper in (("RING", "about 3x"), ("2D-RING", "about 1.4x")):
        ratio = taken[base] / taken["MULTITREEMSG"]
        each = ", ".join(f"{value:.2f}" for value in ratio)
        yield Claim(
            f"375 KiB a node on tori of {len(ratio)} sizes, 16 to 256 nodes, MULTITREEMSG over {base}",
            paper,
            f"{ratio.mean():.2f}x ({each})",
        )


def _curves(frame: pd.DataFrame) -> Iterator[Claim]:
    rates = f.times(frame[frame.variant == ""], ["network", "size_bytes"], value="gb_per_s")
    paper = [c for c in rates.columns if c != "2D ring, hierarchical"]
    for network, title in NETWORKS.items():
        if network not in rates.index.get_level_values(0):
            continue
        own = rates.loc[network][paper].dropna(axis=1, how="all").dropna(subset=["RING", "MULTITREE"])
        if network.startswith(("torus", "mesh")):
            yield Claim(
                f"{title}: who is fastest of the paper's schemes",
                "MULTITREE everywhere, DBTREE slowest at large sizes",
                f"{_leaders(own)}; slowest at {_size(own.dropna().index[-1])}: {own.dropna().iloc[-1].idxmin()}",
            )
        else:
            spread = own.iloc[-1].drop("DBTREE").dropna()
            yield Claim(
                f"{title}: who is fastest of the paper's schemes",
                "MULTITREE for small data, all meet at large",
                f"{_leaders(own)}; at {_size(own.index[-1])} {spread.min():.2f} to {spread.max():.2f} GB/s without DBTREE",
            )
    if "mesh8x8" in rates.index.get_level_values(0):
        own = rates.loc["mesh8x8"].dropna(subset=["RING", "2D-RING"])
        below = [_size(size) for size in own.index if own["2D-RING"][size] < own["RING"][size]]
        yield Claim("mesh 8x8: 2D-RING falls below RING", "can", "at " + ", ".join(below) if below else "nowhere")


def _leaders(own: pd.DataFrame) -> str:
    """Return who leads at which sizes, neighbouring sizes put together."""
    spans: list[list[object]] = []
    for size, leader in own.idxmax(axis=1).items():
        if spans and spans[-1][0] == leader:
            spans[-1][2] = size
        else:
            spans.append([leader, size, size])
    return "; ".join(f"{who} {_size(a)}" + (f" to {_size(b)}" if a != b else "") for who, a, b in spans)


def _size(size: int) -> str:
    return f"{size // 2**20} MiB" if size >= 2**20 else f"{size // 2**10} KiB"
