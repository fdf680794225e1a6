"""Programs run packet by packet, as trains and by the SimPy engine: what a packet-hop costs, and the ratios between engines.

The permutation is htsim's: 2 MB from every host to another one, drawn at random, on a three-tier fat-tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from markdown import Results, count, got, ratio, seconds, table
from measuring import Case, Measured, engine, least, peak_mib, schedule, warm

from collsim.network.config import NetworkConfig
from collsim.program import Program, Send, single_call
from collsim.topology import load

__all__ = ["CASES", "lines"]


@dataclass(frozen=True)
class Work:
    """A program on a topology, and the engines that run it."""

    what: str
    topology: str
    program: Callable[[], Program]
    settings: dict[str, object]
    engines: tuple[str, ...] = ("packets", "compiled", "simpy")
    quick: bool = True


def permutation(hosts: int) -> Program:
    """Return 2 MB from every host to another one, drawn at random with a fixed seed."""
    targets = np.random.default_rng(1).permutation(hosts).tolist()
    return Program(tuple(Send(host, target, 2 * 10**6) for host, target in enumerate(targets) if host != target))


def all_reduce(topology: str, algorithm: str, size: int) -> Callable[[], Program]:
    return lambda: single_call(schedule(topology, algorithm), size)


SHUFFLE = "random permutation, 2 MB a host"
FAST = ("packets", "compiled")
WORK = {
    "ring64": Work("ring, 1 MiB, 256-byte packets", "ring64", all_reduce("ring64", "ring", 2**20), {"packet_payload": 256}),
    "permutation128": Work(SHUFFLE, "fattree8", partial(permutation, 128), {}),
    "permutation432": Work(SHUFFLE, "fattree12", partial(permutation, 432), {}, FAST, quick=False),
    "permutation1024": Work(SHUFFLE, "fattree16", partial(permutation, 1024), {}, FAST, quick=False),
    "direct64": Work("direct, 1 MiB: all pairs at once", "torus8x8", all_reduce("torus8x8", "direct", 2**20), {}),
    "multitree16": Work("MULTITREE, 16 MiB", "torus4x4", all_reduce("torus4x4", "multitree", 2**24), {}),
    "halving16": Work("halving-doubling, 4 MiB", "fattree4", all_reduce("fattree4", "halving-doubling", 2**22), {}),
    "dragonfly": Work("ring, 4 MiB", "dragonfly2x4x2", all_reduce("dragonfly2x4x2", "ring", 2**22), {}),
}


def measure(name: str, by: str) -> Measured:
    """Run one program on one engine: once on SimPy, which needs no warm-up, else the least of three."""
    work = WORK[name]
    topology, program = load(work.topology), work.program()
    network = NetworkConfig().with_settings(work.settings)
    if by != "simpy":
        warm(by)
    spent, result = least(lambda: engine(by)(topology, program, network), 1 if by == "simpy" else 3)
    return {"cpu": spent, "hops": result.packet_hops, "trains": result.train_fraction, "peak": peak_mib()}


CASES = tuple(
    Case(f"{name}/{by}", partial(measure, name, by), work.quick) for name, work in WORK.items() for by in work.engines
)


def lines(results: Results) -> list[str]:
    """Return the table of programs, engines side by side."""
    rows = []
    for name, work in WORK.items():
        packets, trains, simpy = (got(results, f"{name}/{by}", "cpu") for by in ("packets", "compiled", "simpy"))
        hops = got(results, f"{name}/packets", "hops")
        fraction = got(results, f"{name}/compiled", "trains")
        rows.append(
            (
                *(work.what, work.topology, count(hops), seconds(simpy), seconds(packets), seconds(trains)),
                ratio(hops, packets, 1e6, 2),
                ratio(simpy, packets),
                ratio(packets, trains),
                "-" if fraction is None else f"{fraction:.0%}",
                count(got(results, f"{name}/packets", "peak")),
            )
        )
    head = "program|topology|packet-hops|SimPy s|packets s|run s|M hops/s, packets|SimPy / packets|packets / run|trains|MiB"
    return [
        "## Packets",
        "",
        "CPU seconds of the SimPy engine, of the compiled engine packet by packet (`packets`), and of the compiled",
        "engine as it is run, with trains where they are exact (`run`); `trains` is the part of the messages that",
        "were. MiB: the peak of `packets`.",
        "",
        *table(head, rows, text=2),
    ]
