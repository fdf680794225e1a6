"""What the study of sites found: three figures, and the tables of README.md between their markers."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from store import fill

from collsim.report.palette import GRID, MARKERS, SERIES
from collsim.units import FS_PER_SECOND, format_time

HERE = Path(__file__).resolve().parent
RESULTS, README = HERE / "results", HERE / "README.md"
COLOURS = {
    "flat": ("#D55E00", "s"),
    "hierarchical": ("#0072B2", "o"),
    "swap": ("#56B4E9", "D"),
    "late": ("#009E73", "^"),
    "pipeline": ("#CC79A7", "v"),
}
DASHED = {"swap": (0, (3, 3))}
TRIP, RATE = "60ms", "12.8Tb/s"
Rows = list[dict[str, str]]


def report() -> None:
    """Draw the figures and write the tables into README.md."""
    rows = read("ways")
    (HERE / "figures").mkdir(exist_ok=True)
    over_rate(rows).savefig(HERE / "figures" / "step_over_rate.png", dpi=150)
    over_trip(rows).savefig(HERE / "figures" / "step_over_round_trip.png", dpi=150)
    over_loss(read("loss")).savefig(HERE / "figures" / "loss.png", dpi=150)
    fill(README, tables())


def tables() -> dict[str, str]:
    """Return {marker: table in Markdown} from the rows in results."""
    return {
        "rates": rate_table(read("ways")),
        "parallel": parallel_table(read("parallel")),
        "collective": collective_table(),
        "loss": loss_table(),
    }


def read(name: str) -> Rows:
    with (RESULTS / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def seconds(value: str) -> str:
    return format_time(float(value) * FS_PER_SECOND)


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rate_table(rows: Rows) -> str:
    """Step time of each way over the rate of the wide area, beside its law."""
    rates = list(dict.fromkeys(r["wan_rate"] for r in rows))
    heads = ["way", "over WAN", *rates]
    lines = []
    for way in COLOURS:
        own = {r["wan_rate"]: r for r in rows if r["way"] == way and r["round_trip"] == TRIP and r["loss_rate"] == "0"}
        cells = [f"{seconds(own[k]['step_s'])} ({seconds(own[k]['step_law_s'])})" for k in rates]
        lines.append([f"`{way}`", f"{int(own[rates[0]]['wan_bytes']) / 1e12:.4g} TB", *cells])
    return markdown(heads, lines)


def parallel_table(rows: Rows) -> str:
    """Communication of three ways where the rate is spread over links, by the settings of the network."""
    links = list(dict.fromkeys(r["links"] for r in rows))
    ways = ("flat", "hierarchical", "pipeline")
    heads = ["settings", *(f"{way}, {n} link{'s' * (n != '1')}" for way in ways for n in links)]
    lines = []
    for settings in dict.fromkeys(r["settings"] for r in rows):
        own = {(r["way"], r["links"]): r for r in rows if r["settings"] == settings}
        lines.append([settings, *(seconds(own[way, n]["communication_s"]) for way in ways for n in links)])
    return markdown(heads, lines)


def collective_table() -> str:
    """All-reduces of one buffer over all GPUs."""
    lines = []
    for r in read("collective"):
        cpu = [f"{float(r[name]):.1f}" for name in ("build_cpu_s", "plan_cpu_s", "bound_cpu_s", "run_cpu_s")]
        sent = f"{int(r['wan_bytes']) / 2**30:.3f} GiB"
        share = f"{float(r['percent_of_bound']):.1f} %"
        lines.append([r["machine"], f"`{r['algorithm']}`", seconds(r["time_s"]), share, sent, " + ".join(cpu)])
    return markdown(["machine", "algorithm", "time", "of the bound", "over WAN each way", "processor s"], lines)


def loss_table() -> str:
    """An all-reduce over lossy links, by recovery: means over draws, least and most in brackets."""
    rows = read("loss")
    ways = list(dict.fromkeys(r["recovery"] for r in rows))
    lines = []
    for loss in dict.fromkeys(r["loss"] for r in rows):
        cells, draws = [], 0
        for way in ways:
            own = [r for r in rows if (r["loss"], r["recovery"]) == (loss, way)]
            times = [float(r["time_s"]) for r in own]
            lost, again = (mean(int(r[name]) for r in own) for name in ("lost", "repeated"))
            draws = len(own)
            spread = f" ({seconds(str(min(times)))} to {seconds(str(max(times)))})" if draws > 1 else ""
            cells += [f"{seconds(str(mean(times)))}{spread}", f"{lost:.4g}, {again:,.4g}"]
        first = min(int(r["crossed"]) for r in rows)
        lines.append([loss, str(draws), f"{float(loss) * first:.3g}", *cells])
    heads = [head for way in ways for head in (f"{way}: time", "lost, sent again")]
    return markdown(["loss", "draws", "expected losses", *heads], lines)


def over_loss(rows: Rows) -> Figure:
    """Every draw of the time of an all-reduce, and their mean, over the share of packets lost, by recovery."""
    figure = Figure(figsize=(7.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    losses = list(dict.fromkeys(r["loss"] for r in rows))
    for k, way in enumerate(dict.fromkeys(r["recovery"] for r in rows)):
        for place, loss in enumerate(losses):
            times = [1e3 * float(r["time_s"]) for r in rows if (r["loss"], r["recovery"]) == (loss, way)]
            middle, room = place + 0.2 * (2 * k - 1), 0.26
            side = [middle + room * ((n + 0.5) / len(times) - 0.5) for n in range(len(times))]
            axes.scatter(side, times, s=22, marker=MARKERS[k], facecolor="none", edgecolor=SERIES[k], linewidth=1.1)
            label = way if place == 0 else None
            axes.hlines(mean(times), middle - room / 2, middle + room / 2, color=SERIES[k], linewidth=2.6, label=label)
    draws = {loss: sum(r["loss"] == loss and r["recovery"] == rows[0]["recovery"] for r in rows) for loss in losses}
    axes.set_xticks(range(len(losses)), [f"{loss}\n{draws[loss]} draw{'s' * (draws[loss] > 1)}" for loss in losses])
    axes.set(
        ylabel="time of the all-reduce (ms)", xlabel="share of packets that each link between sites loses", ylim=(0, None)
    )
    axes.set_title("256 MiB over 64 GPUs on two sites, 3.2 Tb/s and 60 ms between them", fontsize=11)
    axes.grid(True, axis="y", color=GRID, linewidth=0.7)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, title="bar: mean of draws; markers: each draw")
    return figure


def over_rate(rows: Rows) -> Figure:
    """Step time over the rate between the sites."""
    chosen = [r for r in rows if r["round_trip"] == TRIP and r["loss_rate"] == "0"]
    figure, axes = _axes(
        "rate of the wide area, each way (Tb/s)", f"64 GPUs on two sites, 1 T parameters, {TRIP} round trip"
    )
    for way, (colour, marker) in COLOURS.items():
        own = sorted(
            (8 * float(r["wan_bytes_per_s"]) / 1e12, float(r["step_s"]), float(r["step_law_s"]))
            for r in chosen
            if r["way"] == way
        )
        axes.plot(
            [x for x, _, _ in own],
            [y for _, y, _ in own],
            color=colour,
            marker=marker,
            markersize=5,
            linestyle=DASHED.get(way, "-"),
            label=way,
        )
        axes.plot([x for x, _, _ in own], [law for _, _, law in own], color=colour, linestyle=":", linewidth=1)
    first = chosen[0]
    needed = 2 * float(first["parameters"]) * 8 / float(first["compute_s"]) / 1e12
    axes.axvline(needed, color="#7F7F7F", linewidth=1)
    axes.text(needed * 1.06, axes.get_ylim()[1] * 0.8, "N G 8 / T", color="#555555")
    figure.legend(loc="outside right upper", frameon=False, title="simulated (law dotted)")
    return figure


def over_trip(rows: Rows) -> Figure:
    """What is exposed of a step over the round trip between the sites."""
    chosen = [r for r in rows if r["wan_rate"] == RATE and r["loss_rate"] == "0"]
    figure, axes = _axes("round trip between the sites (s)", f"64 GPUs on two sites, 1 T parameters, {RATE} between them")
    for way, (colour, marker) in COLOURS.items():
        own = sorted((float(r["round_trip_s"]), float(r["step_s"])) for r in chosen if r["way"] == way)
        axes.plot(
            [x for x, _ in own],
            [y for _, y in own],
            color=colour,
            marker=marker,
            markersize=5,
            linestyle=DASHED.get(way, "-"),
            label=way,
        )
    axes.set_yscale("linear")
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def _axes(label: str, title: str):  # type: ignore[no-untyped-def]
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="time of a step (s)", title=title)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True, which="major", color="#DDDDDD", linewidth=0.7)
    return figure, axes
