"""Whole jobs on a thousand ranks: two million messages, and 1 GiB in 256-byte packets with an exact answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from markdown import Results, count, gib, got, ratio, seconds, table
from measuring import Case, Measured, engine, least, peak_mib, schedule, timed, warm

from collsim.collectives.verify import verify
from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.topology import load

__all__ = ["CASES", "lines"]


@dataclass(frozen=True)
class Job:
    """An all-reduce of `size` bytes by `algorithm`."""

    what: str
    topology: str
    algorithm: str
    size: int
    payload: int = 4096


JOBS = {
    "ring1024": Job("ring, 16 MiB", "ring1024", "ring", 2**24),
    "gib-ring": Job("ring, 1 GiB, 256-byte packets", "torus32x32", "ring", 2**30, 256),
    "gib-multitree": Job("MULTITREE, 1 GiB, 256-byte packets", "torus32x32", "multitree", 2**30, 256),
}


def measure(name: str) -> Measured:
    """Build, prove and run; the first run pays for fresh memory, so the least of three is told as well."""
    job = JOBS[name]
    topology = load(job.topology)
    network = NetworkConfig().with_settings({"packet_payload": job.payload})
    warm("construction", "proof", "compiled")
    build, plan = timed(lambda: schedule(job.topology, job.algorithm))
    proof, _ = timed(lambda: verify(plan, topology))
    program = single_call(plan, job.size)
    first, result = timed(lambda: engine("compiled")(topology, program, network))
    peak = peak_mib()
    again, _ = least(lambda: engine("compiled")(topology, program, network), 2)
    return {
        **{"messages": program.messages, "hops": result.packet_hops, "build": build, "proof": proof, "first": first},
        **{"cpu": min(first, again), "whole": build + proof + first, "trains": result.train_fraction, "peak": peak},
    }


CASES = tuple(Case(name, partial(measure, name), quick=name == "ring1024") for name in JOBS)


def lines(results: Results) -> list[str]:
    """Return the table of jobs."""
    rows = []
    for name, job in JOBS.items():
        m = results.get(name, {})
        counts = count(m.get("messages")), count(m.get("hops"))
        times = tuple(seconds(m.get(key)) for key in ("build", "proof", "first", "whole", "cpu"))
        rate, trains = ratio(m.get("messages"), m.get("cpu"), 1e6, 2), got(results, name, "trains")
        whole = "-" if trains is None else f"{trains:.0%}"
        rows.append((job.what, job.topology, *counts, *times, rate, whole, gib(m.get("peak"))))
    head = "all-reduce|topology|messages|packet-hops|build s|proof s|run s|whole job s|run again s|M messages/s|trains|GiB"
    return [
        "## Whole jobs",
        "",
        "CPU seconds from nothing to the answer, packet-exact: the schedule is built, proved and run. A run after the first",
        "finds its memory mapped. GiB: peak of the whole job.",
        "",
        *table(head, rows, text=2),
    ]
