"""Stale-synchronous SGD: what it gains in time and what it costs in steps. See README.md.

`python experiments/dcs3gd/run.py` runs what is missing in results/ and then draws figures and writes the tables of
README.md; `learning`, `timing`, `time` or `report` in its place run one part. Delete rows or files to have them again.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # Matrices are small: threads of the linear algebra would only wait for each other.

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
RESULTS = HERE / "results"
SEEDS = range(3)
RATES = (0.1, 0.2, 0.5, 1.0)
WORKERS = (8, 32)
TIME_RATES = {"0.5": Fraction(1, 2), "1": Fraction(1), "2": Fraction(2)}
TIME_RATE = 0.5
TIME_SCHEMES = {"ssgd": "ssgd", "ssgd-overlap": "ssgd", "dcs3gd": "dcs3gd", "local-sgd": "local-sgd", "asgd": "asgd"}
"""Scheme of the clock -> scheme that learns: overlap with back-propagation changes nothing of what is learnt."""


def learning() -> Iterator[dict[str, object]]:
    """Yield a row a scheme, number of workers, learning rate and seed."""
    from learning import SCHEMES, curve, reached

    for workers in WORKERS:
        for rate in RATES:
            for scheme in SCHEMES:
                for seed in SEEDS:
                    losses, right = curve(scheme, workers, rate, seed)
                    yield {
                        "workers": workers,
                        "rate": rate,
                        "scheme": scheme,
                        "seed": seed,
                        "steps_to_target": reached(losses) or "",
                        "loss": f"{losses[-1]:.5g}",
                        "accuracy": f"{right:.4f}",
                    }


def curves() -> Iterator[dict[str, object]]:
    """Yield the loss after each step with 8 workers, the mean of the seeds."""
    from learning import SCHEMES, curve

    for rate in (0.5, 1.0):
        for scheme in SCHEMES:
            runs = [curve(scheme, 8, rate, seed)[0] for seed in SEEDS]
            for step, values in enumerate(zip(*runs, strict=True), start=1):
                yield {"rate": rate, "scheme": scheme, "step": step, "loss": f"{sum(values) / len(values):.5g}"}


def over_time() -> Iterator[dict[str, object]]:
    """Yield the loss at the end of every iteration of simulated time, and how long it takes to the target."""
    from learning import STEPS, curve
    from timing import ends

    for name, ratio in TIME_RATES.items():
        for seed in SEEDS:
            times, order = ends(ratio, STEPS, seed)
            for clock, scheme in TIME_SCHEMES.items():
                losses, _ = curve(scheme, 8, TIME_RATE, seed, order=order if scheme == "asgd" else None)
                for step, (time, value) in enumerate(zip(times[clock], losses, strict=False), start=1):
                    yield {
                        "ratio": name,
                        "seed": seed,
                        "scheme": clock,
                        "step": step,
                        "time_s": f"{time:.6f}",
                        "loss": f"{value:.5g}",
                    }


def timing() -> Iterator[dict[str, object]]:
    """Yield rows of how long iterations take."""
    import timing as parts

    for part in (parts.bandwidths, parts.noise, parts.slow_node, parts.scaling):
        yield from part()


PARTS: dict[str, dict[str, Callable[[], Iterable[dict[str, object]]]]] = {
    "learning": {"learning": learning, "curves": curves},
    "timing": {"timing": timing},
    "time": {"over_time": over_time},
    "report": {},
}


def main(wanted: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    for part in PARTS if wanted == "all" else [wanted]:
        for name, rows in PARTS[part].items():
            path = RESULTS / f"{name}.csv"
            if not path.exists():
                print(f"{name} ...", file=sys.stderr, flush=True)
                write(path, list(rows()))
    if wanted in ("all", "report"):
        import report

        report.write(HERE)


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "all")
