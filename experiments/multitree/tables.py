"""The tables of README.md, each a list of rows made from the CSV files; the first row is the head."""

from __future__ import annotations

from collections.abc import Callable

import ablation
import frames as f
import pandas as pd
from averages import averages
from bandwidth import FREE_REDUCTION
from claims import claims
from published import MESSAGE_OVER_RING, MESSAGE_OVER_RING_2D, SIMULATOR
from schemes import NETWORKS, SCHEMES
from training import MODELS

from collsim.units import format_size

Table = list[list[str]]
RATES = "gb_per_s"


def markdown(table: Table) -> str:
    """Return a table in Markdown."""
    head, *rows = table
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def claims_table(data: f.Frames) -> Table:
    """Every claim, the paper's value, what was simulated."""
    return [["claim", "paper", "simulated"], *([c.what, c.paper, c.simulated] for c in claims(data))]


def simulator(data: f.Frames) -> Table:
    """All-reduce bandwidth in GiB/s: the authors' simulator / ours / ours where reductions take no time."""
    rates = data["bandwidth"].set_index(["network", "scheme", "size_bytes", "variant"]).gib_per_s
    kibibytes = (32, 128, 512, 2048)
    table = [["network", "scheme", *(format_size(k * 1024) for k in kibibytes)]]
    for network, schemes in SIMULATOR.items():
        for scheme, theirs in schemes.items():
            cells = ["-"] * len(kibibytes)
            for place, k in enumerate(kibibytes):
                ours = [rates.get((network, scheme, k * 1024, variant)) for variant in ("", FREE_REDUCTION)]
                if k in theirs:
                    cells[place] = " / ".join("-" if v is None else f"{v:.2f}" for v in (theirs[k], *ours))
            table.append([NETWORKS[network], scheme, *cells])
    return table


def bandwidth(data: f.Frames) -> Table:
    """GB/s by network, scheme and size."""
    plain = data["bandwidth"][data["bandwidth"].variant == ""]
    rates = f.times(plain, ["network", "scheme"], "size_bytes", RATES)
    rates = rates[sorted(rates.columns)]
    table = [["network", "scheme", *(format_size(size) for size in rates.columns)]]
    for network, title in NETWORKS.items():
        for scheme in SCHEMES:
            if (network, scheme) in rates.index:
                row = rates.loc[network, scheme]
                table.append([title, scheme, *("-" if pd.isna(rate) else f"{rate:.2f}" for rate in row)])
    return table


def scaling(data: f.Frames) -> Table:
    """Time in us on every torus, weak then strong."""
    taken = f.times(data["scaling"], ["variant", "network"])
    schemes = [s for s in SCHEMES if s in taken.columns]
    table = [["scaling", "torus", *schemes, "MULTITREEMSG over RING", "over 2D-RING"]]
    for (variant, network), row in taken.iterrows():
        ratios = [f"{row[base] / row['MULTITREEMSG']:.2f}x" for base in ("RING", "2D-RING")]
        table.append([variant, network, *(_us(row[s]) for s in schemes), *ratios])
    return table


def training(data: f.Frames) -> Table:
    """Milliseconds of an iteration with one all-reduce after back-propagation, and what is faster."""
    table = [["network", "layers", "gradient", "compute ms", "with RING: share of communication"]]
    table[0] += [
        *(f"{s} ms" for s in SCHEMES if s in set(data["training"].scheme)),
        "MULTITREEMSG over RING",
        "over 2D-RING",
    ]
    for shapes in dict.fromkeys(data["training"].shapes):
        rows = f.after(data["training"], shapes).set_index(["model", "scheme"])
        for model, title in MODELS.items():
            if (model, "MULTITREEMSG") in rows.index:
                table.append([title, shapes, *_iteration(rows.loc[model])])
    return table


def _iteration(rows: pd.DataFrame) -> list[str]:
    ring = rows.loc["RING"]
    return [
        f"{ring.gradient_bytes / 1e6:.1f} MB",
        f"{ring.compute_fs / 1e12:.2f}",
        f"{100 * ring.exposed_fs / ring.time_fs:.0f} %",
        *(f"{rows.loc[s].exposed_fs / 1e12:.2f}" for s in SCHEMES if s in rows.index),
        *(_gain(rows.loc[base].time_fs / rows.loc["MULTITREEMSG"].time_fs) for base in ("RING", "2D-RING")),
    ]


def carried(data: f.Frames) -> Table:
    """What the paper's all-reduce speed-ups make of an iteration of our computing and our RING, in both readings."""
    table = [["network", "layers", "share of communication with RING", "over RING, ours", "with the paper's 2.3x"]]
    table[0] += ["over 2D-RING, ours", "with the paper's 2.3x and 1.56x", "overlapped: over RING", "over 2D-RING"]
    for shapes in dict.fromkeys(data["training"].shapes):
        rows = f.after(data["training"], shapes).set_index(["model", "scheme"])
        for model, title in MODELS.items():
            if (model, "MULTITREEMSG") in rows.index:
                time, ring = rows.loc[model].time_fs, rows.loc[model, "RING"]
                message = ring.compute_fs + ring.exposed_fs / MESSAGE_OVER_RING
                ring_2d = ring.compute_fs + ring.exposed_fs / MESSAGE_OVER_RING * MESSAGE_OVER_RING_2D
                ours = [_gain(time[base] / time["MULTITREEMSG"]) for base in ("RING", "2D-RING")]
                theirs = [_gain(ring.time_fs / message), _gain(ring_2d / message)]
                share = f"{100 * ring.exposed_fs / ring.time_fs:.0f} %"
                table.append([title, shapes, share, ours[0], theirs[0], ours[1], theirs[1], *_overlapped(data, model, ring)])
    return table


def _overlapped(data: f.Frames, model: str, ring: pd.Series) -> list[str]:
    """Return the speed-ups of overlapped training by the paper's all-reduces, where computing hides as much as of RING's.

    `ring`: the row of one all-reduce after back-propagation. What RING hides at its best bucket size is the most.
    """
    best = f.best_overlap(data["training"], ring.shapes).set_index(["model", "scheme"])
    if (model, "RING") not in best.index:
        return ["-", "-"]
    hidden = ring.exposed_fs - best.exposed_fs[model, "RING"]
    message = ring.exposed_fs / MESSAGE_OVER_RING
    taken, ring_2d = (ring.compute_fs + max(0, whole - hidden) for whole in (message, message * MESSAGE_OVER_RING_2D))
    return [f"{over / taken:.2f}x" for over in (best.time_fs[model, "RING"], ring_2d)]


def overlap(data: f.Frames) -> Table:
    """Exposed communication in ms: smallest buckets that were run, best buckets, with their sizes."""
    frame = data["training"][data["training"].shapes != "published"]
    schemes = [s for s in SCHEMES if s in set(frame.scheme)]
    table = [["network", "layers", *schemes, "MULTITREEMSG over RING", "over 2D-RING"]]
    for shapes in dict.fromkeys(frame.shapes):
        best = f.best_overlap(frame, shapes).set_index(["model", "scheme"])
        each = f.finest_overlap(frame, shapes).set_index(["model", "scheme"])
        for model, title in MODELS.items():
            if (model, "MULTITREEMSG") in each.index:
                cells = [_hidden(each.loc[model, s], best.loc[model, s]) for s in schemes if (model, s) in each.index]
                gains = [best.time_fs[model, b] / best.time_fs[model, "MULTITREEMSG"] for b in ("RING", "2D-RING")]
                table.append([title, shapes, *cells, *map(_gain, gains)])
    return table


def _hidden(each: pd.Series, best: pd.Series) -> str:
    return ", ".join(f"{row.exposed_fs / 1e12:.3f} ({bucket_name(row.bucket)})" for row in (each, best))


def bucket_name(bucket: str) -> str:
    """Return how a bucket size is printed."""
    return {"0": "a layer", "all": "all"}.get(bucket) or format_size(int(bucket))


def ladder(data: f.Frames) -> Table:
    """GB/s of every rung by network and size."""
    rows = f.variants(data["ablation"], "ladder")
    rates = f.times(rows, ["network", "size_bytes"], "variant", RATES)
    rungs = ["RING", *ablation.LADDER]
    table = [["network", "size", *rungs]]
    for network, title in NETWORKS.items():
        if network in rates.index.get_level_values(0):
            for size, row in rates.loc[network].sort_index().iterrows():
                table.append([title, format_size(size), *("-" if pd.isna(row[r]) else f"{row[r]:.2f}" for r in rungs)])
    return table


def changes(data: f.Frames) -> Table:
    """Per cent of time that each change costs (+) or saves (-), by network, size and scheme; unchanged settings as a dot."""
    rows = f.variants(data["ablation"], "change")
    taken = f.times(rows, ["network", "size_bytes", "scheme"], "variant")
    cells = [
        (n, s)
        for n in NETWORKS
        for s in sorted(set(rows.size_bytes))
        if ((rows.network == n) & (rows.size_bytes == s)).any()
    ]
    table = [["changed", *(f"{NETWORKS[n]}, {format_size(s)}" for n, s in cells)]]
    for change in dict.fromkeys(rows.variant):
        if change != "base":
            table.append([change, *(_effects(taken.loc[n, s], change) for n, s in cells)])
    return table


SHORT = {"RING": "R", "2D-RING": "2D", "HDRM": "H", "MULTITREE": "MT", "MULTITREEMSG": "MSG"}


def _effects(taken: pd.DataFrame, change: str) -> str:
    effect = 100 * (taken[change] / taken["base"] - 1)
    return (
        ", ".join(f"{SHORT[s]} {v:+.1f}" if abs(v) >= 0.05 else f"{SHORT[s]} 0" for s, v in effect.dropna().items()) or "-"
    )


def ratios(data: f.Frames) -> Table:
    """On the 8x8 torus: how many times as fast as RING and 2D-RING the two are, with one thing changed for all."""
    rows = f.variants(data["ablation"], "change")
    rows = rows[rows.network == "torus8x8"]
    taken = f.times(rows, ["size_bytes", "scheme"], "variant")
    pairs = [(s, b) for s in ("MULTITREE", "MULTITREEMSG") for b in ("RING", "2D-RING")]
    table = [["changed", "size", *(f"{s} over {b}" for s, b in pairs)]]
    for change in dict.fromkeys(rows.variant):
        for size in sorted(set(rows.size_bytes)):
            if pd.isna(taken.loc[size][change].get("MULTITREE")) and change != "base":
                continue
            now = taken.loc[size][change]
            # A scheme that the change is not for stands as it is; a run of one that it is for may not stand in for it.
            for scheme in set(now.index) - {s.name for s in ablation.CHANGES.get(change, ((), ablation.TREES))[1]}:
                now[scheme] = taken.loc[size]["base"][scheme]
            cells = [now[b] / now[s] for s, b in pairs]
            table.append([change, format_size(size), *("-" if pd.isna(cell) else f"{cell:.2f}x" for cell in cells)])
    return table


def parts(data: f.Frames) -> Table:
    """Share of the critical path, per cent, of the main rungs."""
    rows = f.variants(data["ablation"], "ladder")
    names = [c for c in rows.columns if c.endswith("_ns")]
    names = [c for c in names if (rows[c] > 0).any()]
    chosen = ("RING", "trees, lowest step first", "lockstep, paper's estimate", "messages, paper's estimate")
    table = [["network", "size", "scheme", "us", *(c.removesuffix("_ns").replace("_", " ") for c in names)]]
    for network, title in NETWORKS.items():
        for size in sorted(set(rows.size_bytes)):
            for rung in chosen:
                own = rows[(rows.network == network) & (rows.size_bytes == size) & (rows.variant == rung)]
                for _, row in own.iterrows():
                    share = [f"{100 * row[c] * 1e6 / row.time_fs:.0f}" if row[c] else "" for c in names]
                    table.append([title, format_size(size), rung, _us(row.time_fs), *share])
    return table


def _us(fs: float) -> str:
    return "-" if pd.isna(fs) else f"{fs / 1e9:,.1f}"


def _gain(ratio: float) -> str:
    return f"{100 * (ratio - 1):.0f} % faster, {100 * (1 - 1 / ratio):.0f} % saved"


TABLES: dict[str, tuple[str, Callable[[f.Frames], Table]]] = {
    "claims": ("all", claims_table),
    "simulator": ("bandwidth", simulator),
    "bandwidth": ("bandwidth", bandwidth),
    "scaling": ("scaling", scaling),
    "training": ("training", training),
    "carried": ("training", carried),
    "overlap": ("training", overlap),
    "ladder": ("ablation", ladder),
    "parts": ("ablation", parts),
    "changes": ("ablation", changes),
    "ratios": ("ablation", ratios),
    "averages": ("all", averages),
}
"""Name -> (the part it needs, or all, and how it is made)."""
