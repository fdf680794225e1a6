"""The study of sites: all-reduces over two sites, and training steps with gradients or activations over the wide area."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import click
import yaml
from store import Store

from collsim.network.config import NetworkConfig
from collsim.simulate import prepare
from collsim.sweep.multi_site import frame, runs, setting
from collsim.topology import Topology, load
from collsim.topology.compose import Wan, join_sites
from collsim.units import FS_PER_SECOND, parse_bandwidth, parse_loss, parse_number, parse_size, parse_time
from collsim.workloads.multi_site import Job, half_of_a_site, shape_of, wide_area

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


@click.command()
@click.option("--report-only", is_flag=True, help="Draw figures and write tables from the rows that are there.")
def sites(report_only: bool) -> None:
    """All-reduces over two sites, and training across them over rate and round trip of what lies between."""
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    if not report_only:
        collectives(config["collective"])
        ways(config["ways"])
        parallel(config)
        lossy(config["loss"])
    from sites_report import report

    report()


def collectives(config: dict[str, Any]) -> None:
    """Run the all-reduces of config.yaml; seconds are processor time, which other work on the machine does not lengthen."""
    store = Store(RESULTS / "collective.csv", ("machine", "algorithm"))
    for machine, algorithms in config["machines"].items():
        for algorithm in algorithms:
            if store.has(machine=machine, algorithm=algorithm):
                continue
            print(f"{machine} {algorithm}", file=sys.stderr, flush=True)
            network = NetworkConfig().with_settings(config["settings"])
            clock = [process_time()]
            case = prepare(machine, network=network)
            clock.append(process_time())
            size = parse_size(config["size"])
            case.plan(algorithm, size)
            clock.append(process_time())
            bound = case.bound(size)
            clock.append(process_time())
            out = case.run(algorithm, size)
            clock.append(process_time())
            spent = [round(b - a, 2) for a, b in pairwise(clock)]
            sent = max(int(out.result.link_bytes[list(site.links)].sum()) for site in wide_area(case.topology))
            store.add(
                {
                    "machine": machine,
                    "algorithm": algorithm,
                    "size_bytes": size,
                    "time_s": out.time_s,
                    "bound_s": bound.time / FS_PER_SECOND,
                    "bound_kind": bound.kind,
                    "percent_of_bound": round(out.percent_of_bound, 2),
                    "wan_bytes": sent,
                    "packet_hops": out.result.packet_hops,
                    **dict(zip(("build_cpu_s", "plan_cpu_s", "bound_cpu_s", "run_cpu_s"), spent, strict=True)),
                }
            )


def ways(config: dict[str, Any]) -> None:
    """Run the grid of training steps."""
    store = Store(RESULTS / "ways.csv", ("round_trip", "wan_rate", "loss_rate"))
    for loss in config["losses"]:
        for trip in config["round_trips"]:
            for rate in config["wan_rates"]:
                if not store.has(round_trip=trip, wan_rate=rate, loss_rate=loss):
                    print(f"ways {trip} {rate} loss {loss}", file=sys.stderr, flush=True)
                    for row in step(config, config["settings"], trip, rate, loss):
                        store.add({"round_trip": trip, "wan_rate": rate, "loss_rate": loss} | row)


def parallel(config: dict[str, Any]) -> None:
    """Run one point with the rate spread over several links, under several settings of the network."""
    store, own = Store(RESULTS / "parallel.csv", ("links", "settings")), config["parallel"]
    for links in own["links"]:
        for settings in own["settings"]:
            name = ", ".join(f"{k}={v}" for k, v in settings.items()) or "defaults"
            if not store.has(links=links, settings=name):
                print(f"parallel {links} {name}", file=sys.stderr, flush=True)
                for row in step(config["ways"] | {"links": links}, settings, own["round_trip"], own["wan_rate"], "0"):
                    store.add({"links": links, "settings": name} | row)


def lossy(config: dict[str, Any]) -> None:
    """Run one all-reduce over links between sites that lose packets, by how NICs make up for them and by seed."""
    store = Store(RESULTS / "loss.csv", ("loss", "recovery", "seed"))
    for loss, draws in config["losses"].items():
        machine = two_sites(config, config["round_trip"], config["wan_rate"], loss)
        for recovery in config["recoveries"]:
            for seed in range(draws):
                if store.has(loss=loss, recovery=recovery, seed=seed):
                    continue
                print(f"loss {loss} {recovery} seed {seed}", file=sys.stderr, flush=True)
                network = NetworkConfig().with_settings(config["settings"] | {"recovery": recovery})
                case = prepare(machine, network=network, seed=seed)
                out = case.run(config["algorithm"], parse_size(config["size"]))
                sent = max(int(out.result.link_bytes[list(site.links)].sum()) for site in wide_area(machine))
                packets = out.result.link_bytes[[link for site in wide_area(machine) for link in site.links]].sum()
                row = {"time_s": out.time_s, "percent_of_bound": round(out.percent_of_bound, 2), "wan_bytes": sent}
                row |= {"lost": out.result.packets_lost, "repeated": out.result.packets_repeated}
                row["crossed"] = int(packets) // network.packet.packet_payload
                store.add({"loss": loss, "recovery": recovery, "seed": seed} | row)


def two_sites(config: dict[str, Any], trip: str, rate: str, loss: str) -> Topology:
    """Return two sites joined by links of `rate` in all."""
    wan = Wan(parse_bandwidth(rate) // config["links"], parse_time(trip) // 2, config["links"], parse_loss(loss))
    return join_sites(load(config["site"]), 2, wan)


def step(config: dict[str, Any], settings: dict[str, Any], trip: str, rate: str, loss: str) -> list[dict[str, Any]]:
    """Return one row a way of training at one point."""
    machine = two_sites(config, trip, rate, loss)
    size = int(parse_number(config["parameters"], "parameters"))
    tensor, pipeline = half_of_a_site(machine)
    job = Job(size, *shape_of(size), int(parse_number(config["tokens"], "tokens")), tensor, pipeline)
    network = NetworkConfig().with_settings(settings)
    at = setting(machine, job, network=network, compute=parse_time(config["compute"]))
    return [dict(row) for row in frame(at, list(runs(at))).to_dict("records")]
