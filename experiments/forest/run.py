"""Bandwidth of an all-reduce over its size: ring, hierarchical ring, MULTITREE and forest, and the bound, on five machines.

`python experiments/forest/run.py`. Finished cases are kept in results.csv and not run again; delete it to start over.
Writes bandwidth.png beside it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from collsim.errors import AlgorithmUnsuitable
from collsim.simulate import prepare
from collsim.units import format_size

HERE = Path(__file__).resolve().parent
DEAD = "torus8x8 without h0->h1"
MACHINES: dict[str, tuple[str, tuple[str, ...]]] = {
    "mesh8x8": ("mesh8x8", ()),
    "torus8x8": ("torus8x8", ()),
    DEAD: ("torus8x8", ("h0->h1",)),
    "mesh4x4": ("mesh4x4", ()),
    "dgx-a100-x2": ("dgx-a100-x2", ()),
}
"""Name -> (topology, failed links)."""
ALGORITHMS = ("ring", "2d-ring:parts=4", "multitree", "forest")
SIZES = tuple(sorted([1 << 15, *(1 << k for k in range(10, 31, 2))]))
TICKS = tuple(1 << k for k in range(10, 31, 4))
COLUMNS = ("machine", "algorithm", "size", "time_us", "algbw_GBs", "bound_us", "percent_of_bound", "segments", "variant")
STYLES = {
    "ring": ("s", "#7F7F7F"),
    "2d-ring:parts=4": ("^", "#009E73"),
    "multitree": ("D", "#0072B2"),
    "forest": ("o", "#D55E00"),
}


def main() -> None:
    path = HERE / "results.csv"
    known = {(row["machine"], row["algorithm"], int(row["size"])): row for row in read(path)}
    for machine in MACHINES:
        for algorithm in ALGORITHMS:
            for size in SIZES:
                case = machine, algorithm, size
                if case not in known:
                    row = one(*case)
                    if row is None:
                        break
                    known[case] = row
                    print(" ".join(row.values()), file=sys.stderr, flush=True)
                    write(path, known.values())
    draw(list(known.values()))


def one(machine: str, algorithm: str, size: int) -> dict[str, str] | None:
    """Return one row, None where the machine does not suit the algorithm."""
    try:
        topology, fail = MACHINES[machine]
        run = prepare(topology, engine="compiled", fail=fail).run(algorithm, size)
    except AlgorithmUnsuitable:
        return None
    time, bound = run.result.time / 1e15, run.bound.time / 1e15
    values = (
        machine,
        algorithm,
        size,
        f"{time * 1e6:.3f}",
        f"{size / time / 1e9:.4f}",
        f"{bound * 1e6:.3f}",
        f"{run.percent_of_bound:.2f}",
        run.schedule.segments,
        run.schedule.variant,
    )
    return dict(zip(COLUMNS, map(str, values), strict=True))


def draw(rows: list[dict[str, str]]) -> None:
    """Plot one panel a machine."""
    figure, panels = plt.subplots(2, 3, figsize=(13, 7.5), layout="constrained")
    for axes, machine in zip(panels.flat, MACHINES, strict=False):
        of = [row for row in rows if row["machine"] == machine]
        bound = {int(row["size"]): int(row["size"]) / float(row["bound_us"]) / 1e3 for row in of}
        axes.plot(sorted(bound), [bound[s] for s in sorted(bound)], "k--", label="bound")
        for algorithm, (marker, colour) in STYLES.items():
            line = sorted((int(r["size"]), float(r["algbw_GBs"])) for r in of if r["algorithm"] == algorithm)
            if line:
                axes.plot(*zip(*line, strict=True), marker=marker, color=colour, label=algorithm, markersize=4)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_title(machine)
        axes.set_ylabel("size / time (GB/s)")
        axes.grid(True, which="major", alpha=0.3)
        axes.set_xticks(TICKS, [format_size(size) for size in TICKS])
        axes.set_xlabel("all-reduce size")
    panels.flat[-1].set_axis_off()
    panels.flat[-1].legend(*panels.flat[0].get_legend_handles_labels(), loc="center", frameon=False, fontsize=12)
    figure.savefig(HERE / "bandwidth.png", dpi=110)


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of an earlier run, [] when there is none."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: object) -> None:
    """Write all rows."""
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


if __name__ == "__main__":
    main()
