"""How wrong may the step time of lockstep NICs be? MULTITREE under estimates from 0 to 3 times the exact step.

`python experiments/lockstep_estimate/run.py` runs what config.yaml names with the compiled engine and writes results.csv and
estimate.png; finished rows are kept, delete results.csv to start over. `--plot-only` draws the figure alone.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml

import collsim
from collsim.result import Outcome
from collsim.simulate import Case, prepare
from collsim.units import parse_size

HERE = Path(__file__).resolve().parent
KEYS = ("topology", "chunk", "flow_control", "estimate")
COLUMNS = (*KEYS, "estimate_ns", "steps", "time_ns", "over_oracle", "held_messages", "messages", "hold_ns", "link_use")
FS_PER_NS = 10**6


@click.command()
@click.option("--plot-only", is_flag=True)
def main(plot_only: bool) -> None:
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    path = HERE / "results.csv"
    rows = read(path)
    if not plot_only:
        groups = [(t, c, f) for t in config["networks"] for c in config["chunks"] for f in config["flow_control"]]
        for number, group in enumerate(groups, 1):
            wanted = [*config["named"], *map(str, config["estimates"])]
            if missing := [e for e in wanted if (*group, e) not in rows]:
                print(f"{number}/{len(groups)} {' '.join(group)}", file=sys.stderr, flush=True)
                rows |= {(*group, e): row for e, row in zip(missing, sweep(config, *group, missing), strict=True)}
                write(path, [rows[*g, e] for g in groups for e in wanted if (*g, e) in rows])
    from figure import draw

    draw(list(rows.values()), HERE / "estimate.png")


def sweep(
    config: dict[str, Any], topology: str, chunk: str, flow_control: str, estimates: list[str]
) -> list[dict[str, Any]]:
    """Return one row an estimate of all-reduces of one chunk a rank, in the order of `estimates`."""
    settings = config["settings"] | {"flow_control": flow_control}
    network = collsim.NetworkConfig.preset(config["networks"][topology]).with_settings(settings)
    case = prepare(topology, network=network, engine="compiled")
    size = parse_size(chunk) * len(case.hosts)
    exact = timed(case, config["algorithm"], size, {"lockstep_estimate": "oracle"})
    found = []
    for estimate in estimates:
        run, wait = one(case, config["algorithm"], size, estimate, exact)
        found.append(row_of(run, exact) | dict(zip(KEYS, (topology, chunk, flow_control, estimate), strict=True)) | wait)
    return found


def one(case: Case, algorithm: str, size: int, estimate: str, exact: Outcome) -> tuple[Outcome, dict[str, Any]]:
    """Return the run under an estimate and {"estimate_ns": it}; "free" is the lowest-step NIC without lockstep."""
    if estimate == "oracle":
        return exact, {"estimate_ns": ""}
    if estimate == "free":
        return timed(case, algorithm, size, {"nic_scheduler": "lowest-step"}), {"estimate_ns": ""}
    if estimate.replace(".", "").isdigit():
        wait = round(float(estimate) * exact.result.time / exact.schedule.steps)
        return timed(case, algorithm, size, {"lockstep_estimate": wait}), {"estimate_ns": wait / FS_PER_NS}
    run = timed(case, algorithm, size, {"lockstep_estimate": estimate})
    return run, {"estimate_ns": formula(run, estimate) / FS_PER_NS}


def formula(run: Outcome, name: str) -> int:
    """Return the estimate that a formula gives for the chunks of `run`, which are all of one size."""
    from collsim.network.schedulers import ESTIMATES, StepLoad
    from collsim.units import serialisation_fs

    size, packet = int(run.schedule.message_bytes(run.size)[0]), run.network.packet
    packets, by_message = -(-size // packet.packet_payload), run.network.transport.flow_control == "message"
    # Chunks are whole packets of 16 or 17 flits here, so rounding to femtoseconds loses nothing.
    wire = size + packet.header * (1 if by_message else packets)
    return ESTIMATES[name](StepLoad(serialisation_fs(wire, int(run.topology.bandwidth[0])), packets, by_message))


def timed(case: Case, algorithm: str, size: int, changes: dict[str, Any]) -> Outcome:
    """Return the outcome of `case` with network settings changed."""
    from dataclasses import replace

    return replace(case, network=case.network.with_settings(changes)).run(algorithm, size)


def row_of(run: Outcome, exact: Outcome) -> dict[str, Any]:
    """Return what a run came to. A message is held if others keep it longer on its way than it takes alone.

    Under the oracle no two messages of a step share a link and steps do not overlap, so each is alone there.
    """
    alone = exact.result.message_finish - started(exact)
    hold = run.result.message_finish - started(run) - alone
    return {
        "steps": run.schedule.steps,
        "time_ns": run.result.time / FS_PER_NS,
        "over_oracle": round(run.result.time / exact.result.time, 5),
        "held_messages": int((hold > 0).sum()),
        "messages": len(hold),
        "hold_ns": round(float(hold.clip(0).mean()) / FS_PER_NS, 3),
        "link_use": round(float(run.link_use.mean()), 5),
    }


def started(run: Outcome) -> np.ndarray:
    """Return when the first packet of each message was granted its first link, fs."""
    if run.result.message_started is None:
        raise RuntimeError("the engine does not tell when messages start")
    return run.result.message_started


def read(path: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the rows of an earlier run by their keys, {} when there is none."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {tuple(row[k] for k in KEYS): row for row in csv.DictReader(file)}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write all rows, through a file beside it, so that an interrupt leaves the last whole table."""
    beside = path.with_suffix(".tmp")
    with beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(path)


if __name__ == "__main__":
    main()
