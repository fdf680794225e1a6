"""What does partial synchronisation buy? Training, prompts and decoding over p, and its neighbours.

`python experiments/caatnet/run.py` (config.yaml says what; half a minute of computing a hundred studies). Studies that are
in results.csv are kept and not run again; delete it to start over. Writes figures/ beside it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import yaml
from figures import draw

from collsim.sweep.tensor_parallel_study import Study, tensor_parallel
from collsim.workloads.tensor_parallel import Scheme, dropped_layers, wire_bits

HERE = Path(__file__).resolve().parent
KEYS = ("set", "mode", "machine", "model", "sequence", "batch", "scheme", "backward", "copies", "option")
"""Columns that say which study a row is of."""
VALUES = (
    *("p", "f", "payload_GB", "sent_GB", "compute_ms", "copies_ms", "exposed_ms", "alpha_share", "bound_ms", "time_ms"),
    *("tokens_per_s", "over_stock", "over_own", "law", "exact"),
)
USUAL = {"sequence": "", "batch": "", "scheme": "caatnet", "backward": "fp32", "copies": "needed", "option": "none"}
Row = dict[str, str]


def main() -> None:
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    path = HERE / "results.csv"
    rows = read(path)
    known = {tuple(row[key] for key in KEYS) for row in rows}
    order = [tuple(case.values()) for case in cases(config["sets"])]
    for case in cases(config["sets"]):
        if tuple(case.values()) not in known:
            study = run(case, config["p"])
            rows += [case | value for value in measured(study)]
            print(" ".join(filter(None, case.values())), file=sys.stderr, flush=True)
            rows.sort(key=lambda row: order.index(tuple(row[key] for key in KEYS)))
            write(path, rows)
    draw(rows, HERE / "figures")


def cases(sets: dict[str, dict[str, list[object]]]) -> Iterator[Row]:
    """Yield {key: text} of every study, in the order of the configuration."""
    for name, lists in sets.items():
        for values in product(*lists.values()):
            chosen = USUAL | {key: str(value) for key, value in zip(lists, values, strict=True)}
            yield {key: name if key == "set" else chosen[key] for key in KEYS}


def run(case: Row, shares: list[float]) -> Study:
    """Return the study that a case names."""
    stock = case["scheme"] == "megatron"
    scheme = Scheme(
        case["scheme"],
        1.0,
        wire_bits("int8" if case["option"] == "int8" else "bf16"),
        wire_bits("bf16" if stock else case["backward"]),
        ladder=case["option"] == "ladder",
        dropped=dropped_layers("50%" if case["option"] == "drop" else "0%", 80),
        copies=case["copies"],
    )
    numbers = {key: int(case[key]) for key in ("sequence", "batch") if case[key]}
    return tensor_parallel(
        case["machine"], case["model"], [1] if stock else shares, scheme=scheme, mode=case["mode"], **numbers
    )


def measured(study: Study) -> Iterator[Row]:
    """Yield {value: text} of stock Megatron, whose p is "stock", and of every p."""
    for row in study.records():
        point = row["role"] == "point"
        yield {
            "p": f"{row['p']:g}" if point else "stock",
            "f": f"{study.share:.5f}",
            "payload_GB": f"{(row['payload_forward_bytes'] + row['payload_backward_bytes']) / 1e9:.4f}",
            "sent_GB": f"{row['sent_bytes'] / 1e9:.4f}",
            **{f"{key}_ms": f"{1e3 * row[f'{key}_s']:.5f}" for key in ("compute", "copies", "exposed", "bound", "time")},
            "alpha_share": f"{row['alpha_share']:.5f}",
            "tokens_per_s": f"{row['tokens_per_s']:.1f}",
            "over_stock": f"{row['speedup_over_stock_megatron']:.5f}",
            "over_own": f"{row['speedup_over_own_p1']:.5f}" if point else "",
            "law": f"{row['law_over_own_p1']:.5f}" if point else "",
            "exact": str(row["exact"]),
        }


def read(path: Path) -> list[Row]:
    """Return the rows of an earlier run, [] when there is none."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[Row]) -> None:
    """Write all rows."""
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, (*KEYS, *VALUES), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


if __name__ == "__main__":
    main()
