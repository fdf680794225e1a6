"""What the study of transports found: two figures, and its tables of README.md between their markers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sites_report import README, Rows, markdown, read, seconds
from store import fill

from collsim.report.palette import GREY, GRID, HATCHES, MARKERS, SERIES

FIGURES = Path(__file__).resolve().parent / "figures"
RECOVERIES = ("selective-repeat", "go-back-n")


def report() -> None:
    """Draw the figures and write the tables into README.md."""
    slowdowns(read("paths")).savefig(FIGURES / "transports.png", dpi=150)
    repeats(read("window")).savefig(FIGURES / "repeats_over_round_trip.png", dpi=150)
    fill(README, tables())


def tables() -> dict[str, str]:
    """Return {marker: table in Markdown} from the rows in results."""
    return {
        "paths": time_table(read("paths")),
        "loads": load_table(read("paths")),
        "lossy": lossy_table(read("lossy")),
        "window": window_table(read("window")),
        "wan": wan_table(read("wan_loss")),
    }


def average(rows: Rows, column: str) -> float:
    """Return the mean of a column."""
    return mean(float(r[column]) for r in rows)


def reference(row: dict[str, str]) -> str:
    """Return the seconds to compare with: an ideal fabric, or the bound where pairs queue at the ports of the ideal too."""
    return row["bound_s" if row["collective"] == "all-to-all" else "ideal_s"]


def slowdown(rows: Rows) -> float:
    """Return the mean time over that to compare with."""
    return mean(slowdowns_of(rows))


def chosen(rows: Rows, **key: str) -> Rows:
    """Return the rows with these values."""
    return [r for r in rows if all(r[k] == v for k, v in key.items())]


def values(rows: Rows, column: str) -> list[str]:
    """Return what a column holds, each once, in order."""
    return list(dict.fromkeys(r[column] for r in rows))


def span(values: list[float], digits: int = 2) -> str:
    """Return the mean with the least and the most of several values, the mean alone where they read the same."""
    texts = [f"{x:.{digits}f}" for x in (mean(values), min(values), max(values))]
    return texts[0] if len(set(texts)) == 1 else f"{texts[0]} ({texts[1]} to {texts[2]})"


def slowdowns_of(rows: Rows) -> list[float]:
    """Return the time of each row over that to compare with."""
    return [float(r["time_s"]) / float(reference(r)) for r in rows]


def by_path(rows: Rows, cell: Callable[[Rows], str]) -> list[tuple[Rows, list[str]]]:
    """Return (rows of the first transport, cells) of each condition and collective."""
    ways, lines = values(rows, "transport"), []
    for condition in values(rows, "condition"):
        for collective in values(rows, "collective"):
            own = [chosen(rows, condition=condition, collective=collective, transport=way) for way in ways]
            lines.append((own[0], [condition, collective, *map(cell, own)]))
    return lines


def time_table(rows: Rows) -> str:
    """Slowdown by condition, collective and transport: mean, least and most of the seeds."""
    lines = [
        [*cells[:2], seconds(reference(first[0])), *cells[2:]]
        for first, cells in by_path(rows, lambda own: span(slowdowns_of(own)))
    ]
    return markdown(["fabric", "collective", "compared with", *values(rows, "transport")], lines)


def load_table(rows: Rows) -> str:
    """Largest over mean load, with its range, and the largest reorder buffer."""
    lines = [cells for _, cells in by_path(rows, lambda own: f"{span([float(r['load']) for r in own])}, {kib(own)}")]
    return markdown(["fabric", "collective", *values(rows, "transport")], lines)


def kib(rows: Rows) -> str:
    """Return the largest reorder buffer of the rows."""
    return f"{max(int(r['reorder_peak']) for r in rows) / 1024:.0f} KiB"


def lossy_table(rows: Rows) -> str:
    """Each collective on a fabric that loses packets: means over draws, of times the least and the most too."""
    lines = []
    for collective in values(rows, "collective"):
        for loss in values(rows, "loss"):
            for way in values(rows, "transport"):
                pair = [chosen(rows, collective=collective, loss=loss, transport=way, recovery=r) for r in RECOVERIES]
                cells = [f"{micro(r)}, {average(r, 'repeated'):.6g}" for r in pair]
                lost = f"{average(pair[0], 'lost'):.4g} ({average(pair[0], 'expected'):.3g})"
                lines.append([collective, loss, str(len(pair[0])), way, lost, *cells, kib(pair[0])])
    heads = ["collective", "loss", "draws", "paths", "lost a run (expected)"]
    return markdown([*heads, *(f"{r}: us, sent again" for r in RECOVERIES), "reorder peak"], lines)


def micro(rows: Rows) -> str:
    """Return the times of rows in microseconds: mean, least and most."""
    return span([float(r["time_s"]) * 1e6 for r in rows], 1)


def window_table(rows: Rows) -> str:
    """Packets sent again for each lost, beside the bandwidth-delay product."""
    lines = []
    for trip in values(rows, "round_trip"):
        cells = []
        for recovery in RECOVERIES:
            own = chosen(rows, round_trip=trip, recovery=recovery)
            cells += [seconds(str(average(own, "time_s"))), f"{per_loss(own):.4g}"]
        lines.append([trip, f"{average(chosen(rows, round_trip=trip), 'bdp_packets'):.4g}", *cells])
    heads = [f"{r}{what}" for r in RECOVERIES for what in (": time", ": sent again a loss")]
    return markdown(["round trip", "rate x RTT, packets", *heads], lines)


def per_loss(rows: Rows) -> float:
    """Return the packets sent again for each that a link lost, over all draws."""
    return average(rows, "repeated") / average(rows, "lost")


def wan_table(rows: Rows) -> str:
    """An all-reduce over two sites, means over draws."""
    lines = []
    for loss in values(rows, "loss"):
        pair = [chosen(rows, loss=loss, recovery=r) for r in RECOVERIES]
        cells = [
            f"{seconds(str(average(r, 'time_s')))}, {average(r, 'lost'):.3g}, {average(r, 'repeated'):.6g}" for r in pair
        ]
        lines.append([loss, str(len(pair[0])), f"{average(pair[0], 'expected'):.3g}", *cells])
    return markdown(["loss", "draws", "expected losses", *(f"{r}: time, lost, sent again" for r in RECOVERIES)], lines)


def slowdowns(rows: Rows) -> Figure:
    """Slowdown and largest over mean load, one column a collective, groups of bars by condition."""
    collectives, conditions, ways = (values(rows, k) for k in ("collective", "condition", "transport"))
    figure = Figure(figsize=(11.0, 6.0), layout="constrained")
    axes = figure.subplots(2, len(collectives), sharex=True, sharey="row", squeeze=False)
    for column, collective in enumerate(collectives):
        for k, way in enumerate(ways):
            own = [chosen(rows, collective=collective, condition=c, transport=way) for c in conditions]
            at = [j + (k + 0.5) * 0.21 - 0.42 for j in range(len(conditions))]
            for line, draws in ((0, [slowdowns_of(r) for r in own]), (1, [[float(x["load"]) for x in r] for r in own])):
                bars(axes[line, column], at, draws, way, k)
        axes[0, column].set_title(collective)
        axes[1, column].set_xticks(range(len(conditions)), [c.replace(" ", "\n") for c in conditions])
    for each in axes.flat:
        each.margins(y=0.12)
        each.axhline(1, color="black", linestyle="--", linewidth=1)
        each.grid(True, axis="y", color=GRID, linewidth=0.7)
        each.set_axisbelow(True)
    axes[0, 0].set_ylabel("time / ideal or bound")
    axes[1, 0].set_ylabel("largest / mean load of links\nthat messages could cross")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    draws = len(values(rows, "seed"))
    figure.suptitle(f"eight racks of 8 GPUs in a Clos; means and ranges of {draws} seeds")
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=len(labels))
    return figure


def bars(axes: Axes, at: list[float], draws: list[list[float]], label: str, k: int) -> None:
    """Draw the mean of each of `draws`, and a line from the least to the most."""
    heights = [mean(values) for values in draws]
    style = {"color": (GREY, *SERIES)[k], "hatch": HATCHES[k], "edgecolor": "white"}
    axes.bar(at, heights, 0.2, label=label, **style)
    ends = [
        [h - min(v) for h, v in zip(heights, draws, strict=True)],
        [max(v) - h for h, v in zip(heights, draws, strict=True)],
    ]
    axes.errorbar(at, heights, yerr=ends, fmt="none", ecolor="black", elinewidth=0.8, capsize=1.5)
    for x, height, values in zip(at, heights, draws, strict=True):
        axes.annotate(
            f"{height:.1f}",
            (x, max(values)),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=6,
        )


def repeats(rows: Rows) -> Figure:
    """Packets sent again for each lost, over the bandwidth-delay product."""
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.add_subplot()
    trips = values(rows, "round_trip")
    product = [average(chosen(rows, round_trip=t), "bdp_packets") for t in trips]
    for k, recovery in enumerate(RECOVERIES):
        own = [per_loss(chosen(rows, round_trip=t, recovery=recovery)) for t in trips]
        axes.plot(product, own, color=SERIES[k], marker=MARKERS[k], label=recovery)
    axes.plot(product, product, color=GREY, linestyle="--", linewidth=1, label="rate x round trip")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="rate x round trip (packets of 4 KiB)",
        ylabel="packets sent again for each lost",
        title="one message of 64 MiB, 1e-4 lost on each of two links",
    )
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.legend(frameon=False)
    return figure
