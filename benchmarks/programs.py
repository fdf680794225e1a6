"""Programs of many calls, as a training step makes them: computations, calls over several groups that overlap, sends.

A schedule is in memory once however often it is called, so what a call adds is the state of its messages. Each program is
measured with its calls and with twice as many: what memory grows by, over the messages added, is the cost of a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from markdown import Results, count, gib, ratio, seconds, table
from measuring import Case, Measured, engine, peak_mib, timed, warm

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.collectives.schedule import Schedule
from collsim.network.config import NetworkConfig
from collsim.program import Call, Compute, Operation, Program, Send
from collsim.topology import load
from collsim.topology.graph import Topology

__all__ = ["CASES", "lines", "program_of"]

MICROSECOND = 10**9


@dataclass(frozen=True)
class Plan:
    """`calls` collective calls on `topology`: of all ranks by `whole`, of `parts` groups by `part`, in turns."""

    topology: str
    calls: int
    whole: str
    part: str
    parts: int
    size: int


PLANS = {
    "program8": Plan("torus2x4", 1000, "ring", "halving-doubling", 2, 2**16),
    "program8-apart": Plan("switch8", 1000, "ring", "ring", 1, 2**16),
    "program1024": Plan("torus32x32", 64, "2d-ring", "halving-doubling", 4, 2**20),
    "program1024-apart": Plan("torus32x32", 64, "2d-ring", "2d-ring", 1, 2**20),
}
WHAT = {
    "program8": "groups of all and of half the ranks, overlapping",
    "program8-apart": "all ranks, one call after another",
    "program1024": "groups of all and of a quarter of the ranks, overlapping",
    "program1024-apart": "all ranks, one call after another",
}


def _schedules(plan: Plan, topology: Topology) -> tuple[Schedule, list[Schedule]]:
    what, hosts = collective("all-reduce"), topology.hosts
    entry, options = parse_algorithm(plan.whole)
    whole = entry.schedule(topology, what, **options)
    if plan.parts == 1:
        return whole, [whole]
    entry, options = parse_algorithm(plan.part)
    share = hosts // plan.parts
    groups = [range(k * share, (k + 1) * share) for k in range(plan.parts)]
    return whole, [entry.schedule(topology, what, group, **options) for group in groups]


def _operations(plan: Plan, topology: Topology, calls: int) -> Iterator[Operation]:
    """Yield layer after layer: a computation on every fourth host, then a call; every layer of all ranks is waited for.

    The calls of groups depend on the last call of all ranks only, so they overlap with each other, with computations and
    with a send between neighbours.
    """
    whole, parts = _schedules(plan, topology)
    hosts, every = topology.hosts, max(1, topology.hosts // 8)
    turn = 1 if plan.parts == 1 else plan.parts + 1
    at, last, joins = 0, (), []  # type: ignore[var-annotated]
    for layer in range(calls):
        if layer % turn:
            yield Call(parts[layer % turn - 1], plan.size, last)
            joins.append(at)
            at += 1
            continue
        begin = at
        for host in range(0, hosts, every):
            yield Compute(host, 20 * MICROSECOND, last)
            at += 1
        yield Send(2 * layer % hosts, 2 * layer % hosts + 1, plan.size // 8, last)
        yield Call(whole, plan.size, (*range(begin, at + 1), *joins, *last))
        last, joins = (at + 1,), []
        at += 2


def program_of(name: str, calls: int) -> tuple[Topology, Program]:
    plan = PLANS[name]
    topology = load(plan.topology)
    return topology, Program(tuple(_operations(plan, topology, calls)))


def measure(name: str, calls: int, by: str) -> Measured:
    """Run a program once after warm-up, and say how many schedules it holds."""
    warm("packets", "compiled")
    topology, program = program_of(name, calls)
    before = peak_mib()
    spent, result = timed(lambda: engine(by)(topology, program, NetworkConfig()))
    plans = {id(o.schedule): o.schedule for o in program.operations if isinstance(o, Call)}
    return {
        **{"operations": len(program.operations), "schedules": len(plans), "messages": program.messages, "cpu": spent},
        **{"hops": result.packet_hops, "trains": result.train_fraction, "before": before, "peak": peak_mib()},
        "transfers": sum(plan.transfers for plan in plans.values()),
    }


ENGINES = ("compiled", "packets")
# How many times the calls of a plan each engine runs: twice as many show what a call adds; packets of large plans take
# minutes.
FACTORS = {
    "program8": {"compiled": (1, 2)},
    "program8-apart": {"compiled": (1, 2), "packets": (1, 2)},
    "program1024": {"compiled": (1,)},
    "program1024-apart": {"compiled": (1, 2)},
}
CASES = tuple(
    Case(f"{name}/{by}x{factor}", partial(measure, name, factor * plan.calls, by), quick=plan.topology != "torus32x32")
    for name, plan in PLANS.items()
    for by, factors in FACTORS[name].items()
    for factor in factors
)


def lines(results: Results) -> list[str]:
    """Return the table of programs."""
    rows = []
    for name, plan in PLANS.items():
        for by in ENGINES:
            m, twice = (results.get(f"{name}/{by}x{k}", {}) for k in (1, 2))
            if not m:
                continue
            added = (twice["messages"] - m["messages"]) if twice and "peak" in twice else None
            grown = (twice["peak"] - m["peak"]) * 2**20 if added else None
            counts = tuple(count(m.get(key)) for key in ("operations", "schedules", "transfers", "messages"))
            hosts, mode = plan.topology, "run" if by == "compiled" else "packets"
            trains = f"{m['trains']:.0%}" if "trains" in m else "-"
            speed = seconds(m.get("cpu")), ratio(m.get("messages"), m.get("cpu"), 1e6, 2), trains
            rows.append(
                (
                    f"{plan.calls:,} calls: {WHAT[name]}",
                    hosts,
                    mode,
                    *counts,
                    *speed,
                    gib(m.get("peak")),
                    ratio(grown, added, 1, 0),
                )
            )
    head = (
        "program|topology|mode|operations|schedules|their transfers|messages|CPU s|M messages/s|trains|GiB|bytes a message"
    )
    return [
        "## Programs",
        "",
        "A schedule is held once for all its calls; `bytes a message` is what the peak of memory grows by from the",
        "program to one of twice as many calls, over the messages that these add.",
        "",
        *table(head, rows, text=3),
    ]
