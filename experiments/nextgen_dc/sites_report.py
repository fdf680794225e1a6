"""What the study of sites found: two figures, and the tables of README.md between their markers."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

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
    text = README.read_text()
    for name, table in tables().items():
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda m, t=table: m[1] + t + m[2], text, flags=re.DOTALL)
    README.write_text(text)


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
    """An all-reduce over lossy links, by recovery."""
    rows = read("loss")
    ways = list(dict.fromkeys(r["recovery"] for r in rows))
    lines = []
    for loss in dict.fromkeys(r["loss"] for r in rows):
        own = {r["recovery"]: r for r in rows if r["loss"] == loss}
        cells = [f"{seconds(own[w]['time_s'])}, {int(own[w]['wan_bytes']) / 2**20:.1f} MiB" for w in ways]
        lines.append([loss, *cells])
    return markdown(["loss", *ways], lines)


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
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True, which="major", color="#DDDDDD", linewidth=0.7)
    return figure, axes
