"""The same ring all-reduce in SimGrid, where it is installed: `python benchmarks/simgrid_ring.py RANKS`.

SimGrid simulates messages as flows of a fluid model. Its own corrections (TCP windows, cross traffic, calibrated factors)
are turned off, so that a message takes latency + bytes / bandwidth as here. All ranks of a ring step in unison, so one
actor can send each step's messages and wait for all: the cheapest way to ask SimGrid, without a thread a rank. collsim does
not need SimGrid; the binding of SimGrid 3.32 (Debian's python3-simgrid) is what this was written for.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import find_spec
from typing import Any

from markdown import Results, count, got, ratio, seconds, table
from measuring import Case, Measured, engine, least, peak_mib, schedule, timed, warm

from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.topology import load
from collsim.units import FS_PER_SECOND

__all__ = ["CASES", "lines"]

CHUNK = 2**14
RANKS = (64, 256, 512)
SETTINGS = (
    "--log=root.threshold:error",
    "--cfg=network/model:CM02",
    "--cfg=network/TCP-gamma:0",
    "--cfg=network/crosstraffic:0",
    "--cfg=network/latency-factor:1",
    "--cfg=network/bandwidth-factor:1",
    "--cfg=surf/precision:1e-12",
)


def simgrid(ranks: int) -> Measured:
    """Run the ring on SimGrid; CPU seconds without the platform's construction."""
    if find_spec("simgrid") is None:
        return {"skipped": "simgrid is not installed"}
    from simgrid import Actor, Comm, Engine, LinkInRoute, NetZone

    world = Engine(["simgrid_ring", *SETTINGS])
    zone = NetZone.create_full_zone("ring")
    hosts = [zone.create_host(f"h{k}", 1e9) for k in range(ranks)]
    for k, host in enumerate(hosts):
        link: Any = zone.create_link(f"l{k}", 16e9)
        link.set_latency(150e-9)
        link.seal()
        zone.add_route(host.netpoint, hosts[(k + 1) % ranks].netpoint, None, None, [LinkInRoute(link)], False)
    zone.seal()
    steps = 2 * (ranks - 1)

    def ring() -> None:
        for _ in range(steps):
            Comm.wait_all([Comm.sendto_async(host, hosts[(k + 1) % ranks], CHUNK) for k, host in enumerate(hosts)])

    Actor.create("ring", hosts[0], ring)
    spent, _ = timed(world.run)
    return {"cpu": spent, "messages": steps * ranks, "time": Engine.clock, "peak": peak_mib()}


def ours(ranks: int) -> Measured:
    """Run the same messages here, one way round the ring."""
    warm("compiled")
    topology = load(f"ring{ranks}")
    program = single_call(schedule(topology.name, "ring"), CHUNK * ranks)
    spent, result = least(lambda: engine("compiled")(topology, program, NetworkConfig()), 3)
    return {"cpu": spent, "messages": program.messages, "time": result.time / FS_PER_SECOND, "peak": peak_mib()}


CASES = tuple(
    Case(f"{who}/{n}", partial(work, n), n < 512) for n in RANKS for who, work in (("simgrid", simgrid), ("ours", ours))
)


def lines(results: Results) -> list[str]:
    """Return the table of the ring in both simulators."""
    skipped = {got(results, f"simgrid/{n}", "skipped") for n in RANKS} - {None}
    rows = []
    for n in RANKS:
        theirs, mine = (got(results, f"{who}/{n}", "cpu") for who in ("simgrid", "ours"))
        times = tuple(
            f"{t * 1e6:,.3f}" if t is not None else "-"
            for t in (got(results, f"{w}/{n}", "time") for w in ("simgrid", "ours"))
        )
        peaks = tuple(count(got(results, f"{who}/{n}", "peak")) for who in ("simgrid", "ours"))
        messages = count(got(results, f"ours/{n}", "messages"))
        rows.append(
            (
                f"ring of {n}, {CHUNK >> 10} KiB a message",
                messages,
                seconds(theirs),
                seconds(mine),
                ratio(theirs, mine),
                *times,
                *peaks,
            )
        )
    head = "all-reduce|messages|SimGrid s|collsim s|SimGrid / collsim|simulated us, SimGrid|collsim|MiB, SimGrid|collsim"
    return [
        "## SimGrid on the same ring",
        "",
        *(f"Left out: {why}." for why in sorted(skipped)),
        "SimGrid through its Python binding, message by message in its fluid model, without the corrections that",
        "would make its times differ; collsim packet-exact with 4,096-byte packets.",
        "",
        *table(head, rows),
    ]


if __name__ == "__main__":
    print(simgrid(int(sys.argv[1]) if len(sys.argv) > 1 else 64))
