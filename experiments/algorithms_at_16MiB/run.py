"""Runs every registered algorithm on six networks at 16 MiB, as all-reduce where it does one, else as all-gather.

`python experiments/algorithms_at_16MiB/run.py [--engine E]`.
Finished cases are kept in results.csv and not run again; delete it to start over. Writes results.md beside it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click

import collsim
from collsim.collectives.algorithm import ALGORITHMS
from collsim.errors import AlgorithmUnsuitable

HERE = Path(__file__).resolve().parent
TOPOLOGIES = ("torus4x4", "mesh4x4", "torus8x8", "fattree4", "dragonfly2x4x2", "bigraph4x8")
# Every registered algorithm runs with its defaults; this option is an algorithm of its own in effect.
VARIANTS = ("2d-ring:parts=4",)
COLUMNS = (
    "topology",
    "algorithm",
    "collective",
    "engine",
    "steps",
    "time_us",
    "percent_of_bound",
    "bound_kind",
    "bound_exact",
    "closed_form_us",
    "refused",
)


@click.command()
@click.option("--engine", default="simpy", show_default=True)
def main(engine: str) -> None:
    path = HERE / "results.csv"
    known = {(row["topology"], row["algorithm"]): row for row in read(path) if row["engine"] == engine}
    algorithms = [*VARIANTS, *ALGORITHMS]
    cases = [(topology, algorithm) for topology in TOPOLOGIES for algorithm in algorithms]
    for number, case in enumerate(cases, 1):
        if case not in known:
            print(f"{number}/{len(cases)} {' '.join(case)}", file=sys.stderr, flush=True)
            known[case] = one(*case, engine)
            write(path, [known[c] for c in cases if c in known])
    (HERE / "results.md").write_text(table([known[c] for c in cases]))


def one(topology: str, algorithm: str, engine: str) -> dict[str, str]:
    """Return one row; a refusal is a row too."""
    served = ALGORITHMS.get(algorithm.partition(":")[0]).collectives
    collective = "all-reduce" if "all-reduce" in served else "all-gather"
    empty = dict.fromkeys(COLUMNS, "") | {
        "topology": topology,
        "algorithm": algorithm,
        "collective": collective,
        "engine": engine,
    }
    try:
        run = collsim.simulate(topology, algorithm, collective=collective, size="16MiB", engine=engine).to_dict()
    except AlgorithmUnsuitable as refusal:
        return empty | {"refused": str(refusal)}
    closed = run["closed_form_s"]
    return empty | {
        "steps": str(run["steps"]),
        "time_us": f"{run['time_s'] * 1e6:.3f}",
        "percent_of_bound": f"{run['percent_of_bound']:.2f}",
        "bound_kind": run["bound_kind"],
        "bound_exact": str(run["bound_exact"]),
        "closed_form_us": "" if closed is None else f"{closed * 1e6:.3f}",
    }


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of an earlier run, [] when there is none."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write all rows, through a file beside it, so that an interrupt leaves the last whole table."""
    beside = path.with_suffix(".tmp")
    with beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(path)


def table(rows: list[dict[str, str]]) -> str:
    """Return steps, time and percent of bound as a Markdown table."""
    lines = [
        "| topology | algorithm | collective | steps | time (us) | closed form (us) | % of bound |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        if row["refused"]:
            lines.append(f"| {row['topology']} | {row['algorithm']} | {row['collective']} | refused | | | |")
        else:
            cells = (
                row[c]
                for c in ("topology", "algorithm", "collective", "steps", "time_us", "closed_form_us", "percent_of_bound")
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
