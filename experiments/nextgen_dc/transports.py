"""The study of transports: collectives across racks by each way of choosing paths, with a slow cable, and with losses."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml
from numpy.typing import NDArray
from sites import two_sites
from store import Store

from collsim.engines.engine import ENGINES
from collsim.network.usable_links import load_imbalance, usable_links
from collsim.program import single_call
from collsim.result import Result
from collsim.simulate import Case, prepare
from collsim.sweep.transports import one_switch
from collsim.topology import Topology
from collsim.topology.compose import Fabric, join_racks
from collsim.topology.families.nvl import rack
from collsim.units import FS_PER_SECOND, parse_bandwidth, parse_loss, parse_size, parse_time

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PACKET = 4096


@click.command()
@click.option("--report-only", is_flag=True, help="Draw figures and write tables from the rows that are there.")
def transports(report_only: bool) -> None:
    """Collectives across racks by ECMP, spraying, least-queued and feedback, a slow cable, losses; go-back-N."""
    config = yaml.safe_load((HERE / "config.yaml").read_text())["transports"]
    if not report_only:
        paths(config)
        window(config["window"])
        wan(config["wan"])
        lossy(config)
    from transports_report import report

    report()


def paths(config: dict[str, Any]) -> None:
    """Run each collective under each condition of the fabric by each transport."""
    store = Store(RESULTS / "paths.csv", ("condition", "collective", "transport", "seed"))
    for condition in config["conditions"]:
        for collective in config["collectives"]:
            for transport in config["transports"]:
                for seed in range(config["seeds"]):
                    key = {"condition": condition, "collective": collective, "transport": transport, "seed": seed}
                    if not store.has(**key):
                        say(*key.values())
                        store.add(key | path(config, condition, collective, transport, seed))


def path(config: dict[str, Any], condition: str, collective: str, transport: str, seed: int) -> dict[str, Any]:
    """Return the columns of one run on the fabric."""
    state, what = config["conditions"][condition], config["collectives"][collective]
    machine = fabric(config, state["planes"])
    settings = config["settings"] | state.get("settings", {}) | {"routing": transport}
    at = (config["slow"],) if state.get("slow") else ()
    case = prepare(machine, collective=what["collective"], network=settings, at=at, seed=seed)
    size = parse_size(what["size"])
    result = run(case, what["algorithm"], size)
    usable = usable_links(machine, case.plan(what["algorithm"], size)[0], size, case.network)
    ideal = replace(case, network=case.network.with_settings(config["settings"] | {"routing": "widest"}))
    return measured(machine, result, usable) | {
        "ideal_s": run(ideal, what["algorithm"], size, one_switch(machine)).time / FS_PER_SECOND,
        "bound_s": case.bound(size).time / FS_PER_SECOND,
    }


def run(case: Case, algorithm: str, size: int, instead: Topology | None = None) -> Result:
    """Run the schedule that `algorithm` has on the machine of `case`, on that machine with its changes or on another one."""
    program = single_call(case.plan(algorithm, size)[0], size)
    changes = () if instead else case.changes
    machine = instead or case.topology
    return ENGINES.get(case.engine)(machine, program, case.network, seed=case.seed, changes=changes)


def fabric(config: dict[str, Any], planes: int, loss: str = "0") -> Topology:
    """Return the racks in a Clos of `planes` planes, whose links outside racks lose a share of packets."""
    inside = rack(config["rack"])
    rate, spines = parse_bandwidth(config["rate"]), inside.hosts // planes
    clos = Fabric(planes, rate, parse_time(config["latency"]), spines)
    machine = join_racks(inside, config["racks"], clos, f"{inside.name} x {config['racks']}, {planes} planes")
    outside = np.arange(machine.links) >= config["racks"] * inside.links
    return replace(machine, loss=np.where(outside, parse_loss(loss), 0))


def measured(machine: Topology, result: Result, usable: NDArray[np.int64]) -> dict[str, Any]:
    """Return time, load of the links `usable`, packets and reorder buffer of a run."""
    return {
        "time_s": result.time / FS_PER_SECOND,
        "load": load_imbalance(result.link_busy, usable),
        "busiest": machine.link_name(int(usable[np.argmax(result.link_busy[usable])])),
        "reorder_peak": int(result.reorder_peak.max(initial=0)),
        **packets(machine, result),
    }


def packets(machine: Topology, result: Result) -> dict[str, Any]:
    """Return how many packets were lost and repeated, and how many losses the links' rates expect of what they carried."""
    chance = float((result.link_bytes * machine.loss).sum() / PACKET / 10**9)
    return {
        "expected": chance,
        "lost": result.packets_lost,
        "repeated": result.packets_repeated,
        "discarded": result.packets_discarded,
    }


def lossy(config: dict[str, Any]) -> None:
    """Run each collective on a fabric that loses packets."""
    own = config["lossy"]
    store = Store(RESULTS / "lossy.csv", ("collective", "loss", "transport", "recovery", "seed"))
    for collective in config["collectives"]:
        for loss, draws in own["losses"].items():
            for transport in own["transports"]:
                for recovery in own["recoveries"]:
                    for seed in range(draws):
                        key = {"collective": collective, "loss": loss, "transport": transport, "recovery": recovery}
                        if not store.has(**key, seed=seed):
                            say(*key.values(), seed)
                            store.add(key | {"seed": seed} | lossy_run(config, key, seed))


def lossy_run(config: dict[str, Any], key: dict[str, str], seed: int) -> dict[str, Any]:
    """Return the columns of one run with losses."""
    what, machine = config["collectives"][key["collective"]], fabric(config, 1, key["loss"])
    settings = config["settings"] | {"routing": key["transport"], "recovery": key["recovery"]}
    case, size = prepare(machine, collective=what["collective"], network=settings, seed=seed), parse_size(what["size"])
    usable = usable_links(machine, case.plan(what["algorithm"], size)[0], size, case.network)
    return measured(machine, run(case, what["algorithm"], size), usable)


def window(config: dict[str, Any]) -> None:
    """Send one message over links that lose packets, over the round trip."""
    store = Store(RESULTS / "window.csv", ("round_trip", "recovery", "seed"))
    for trip in config["round_trips"]:
        for recovery in ("selective-repeat", "go-back-n"):
            for seed in range(config["seeds"]):
                key = {"round_trip": trip, "recovery": recovery, "seed": seed}
                if not store.has(**key):
                    store.add(key | message(config, trip, recovery, seed))


def message(config: dict[str, Any], trip: str, recovery: str, seed: int) -> dict[str, Any]:
    """Return one message from host to host by a switch: two links there, two back."""
    settings = {"recovery": recovery, "loss": config["loss"]}
    latency, size = parse_time(trip) // 4, parse_size(config["size"])
    case = prepare("switch2", collective="broadcast", bandwidth=config["rate"], latency=latency, network=settings, seed=seed)
    result = run(case, "direct", size)
    rate = parse_bandwidth(config["rate"])
    carried = float(result.link_bytes.sum()) / PACKET * float(config["loss"])
    return {
        "time_s": result.time / FS_PER_SECOND,
        "bdp_packets": rate * parse_time(trip) / FS_PER_SECOND / PACKET,
        **packets(case.topology, result),
        "expected": carried,
    }


def wan(config: dict[str, Any]) -> None:
    """Run one all-reduce over two small sites whose wide area loses packets."""
    store = Store(RESULTS / "wan_loss.csv", ("loss", "recovery", "seed"))
    for loss, draws in config["losses"].items():
        machine = two_sites(config, config["round_trip"], config["wan_rate"], loss)
        for recovery in ("selective-repeat", "go-back-n"):
            for seed in range(draws):
                key = {"loss": loss, "recovery": recovery, "seed": seed}
                if not store.has(**key):
                    say(*key.values())
                    case = prepare(machine, network=config["settings"] | {"recovery": recovery}, seed=seed)
                    result = run(case, config["algorithm"], parse_size(config["size"]))
                    store.add(key | {"time_s": result.time / FS_PER_SECOND} | packets(machine, result))


def say(*words: object) -> None:
    print(*words, file=sys.stderr, flush=True)
