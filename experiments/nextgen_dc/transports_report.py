"""What the study of transports found: two figures, and its tables of README.md between their markers."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import mean

from matplotlib.figure import Figure
from sites_report import README, Rows, markdown, read, seconds

from collsim.report.palette import GREY, GRID, HATCHES, MARKERS, SERIES

FIGURES = Path(__file__).resolve().parent / "figures"
RECOVERIES = ("selective-repeat", "go-back-n")


def report() -> None:
    """Draw the figures and write the tables into README.md."""
    slowdowns(read("paths")).savefig(FIGURES / "transports.png", dpi=150)
    repeats(read("window")).savefig(FIGURES / "repeats_over_round_trip.png", dpi=150)
    text = README.read_text()
    for name, table in tables().items():
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda m, t=table: m[1] + t + m[2], text, flags=re.DOTALL)
    README.write_text(text)


def tables() -> dict[str, str]:
    """Return {marker: table in Markdown} from the rows in results."""
    return {
        "paths": path_table(read("paths")),
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
    return mean(float(r["time_s"]) / float(reference(r)) for r in rows)


def chosen(rows: Rows, **key: str) -> Rows:
    """Return the rows with these values."""
    return [r for r in rows if all(r[k] == v for k, v in key.items())]


def values(rows: Rows, column: str) -> list[str]:
    """Return what a column holds, each once, in order."""
    return list(dict.fromkeys(r[column] for r in rows))


def path_table(rows: Rows) -> str:
    """Slowdown, max/mean load and reorder peak by condition, collective and transport."""
    ways, lines = values(rows, "transport"), []
    for condition in values(rows, "condition"):
        for collective in values(rows, "collective"):
            own = [chosen(rows, condition=condition, collective=collective, transport=way) for way in ways]
            cells = [f"{slowdown(r):.2f}x, {average(r, 'load'):.2f}, {kib(r)}" for r in own]
            lines.append([condition, collective, seconds(reference(own[0][0])), *cells])
    return markdown(["fabric", "collective", "compared with", *ways], lines)


def kib(rows: Rows) -> str:
    """Return the largest reorder buffer of the rows."""
    return f"{max(int(r['reorder_peak']) for r in rows) / 1024:.0f} KiB"


def lossy_table(rows: Rows) -> str:
    """The all-to-all on a fabric that loses packets, means over draws."""
    lines = []
    for loss in values(rows, "loss"):
        for way in values(rows, "transport"):
            one, other = (chosen(rows, loss=loss, transport=way, recovery=r) for r in RECOVERIES)
            cells = [f"{seconds(str(average(r, 'time_s')))}, {average(r, 'repeated'):.6g}" for r in (one, other)]
            lost = f"{average(one, 'lost'):.4g} ({average(one, 'expected'):.3g})"
            lines.append([loss, str(len(one)), way, lost, *cells, kib(one)])
    heads = ["loss", "draws", "paths", "lost a run (expected)", *(f"{r}: time, sent again" for r in RECOVERIES)]
    return markdown([*heads, "reorder peak"], lines)


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
            colour, hatch = (GREY, *SERIES)[k], HATCHES[k]
            for line, heights in ((0, [slowdown(r) for r in own]), (1, [average(r, "load") for r in own])):
                bars = axes[line, column].bar(at, heights, 0.2, label=way, color=colour, hatch=hatch, edgecolor="white")
                axes[line, column].bar_label(bars, [f"{h:.1f}" for h in heights], padding=2, fontsize=6)
        axes[0, column].set_title(collective)
        axes[1, column].set_xticks(range(len(conditions)), [c.replace(" ", "\n") for c in conditions])
    for each in axes.flat:
        each.margins(y=0.12)
        each.axhline(1, color="black", linestyle="--", linewidth=1)
        each.grid(True, axis="y", color=GRID, linewidth=0.7)
        each.set_axisbelow(True)
    axes[0, 0].set_ylabel("time / ideal or bound")
    axes[1, 0].set_ylabel("largest / mean load of uplinks")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=len(labels))
    return figure


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
