"""One line of advice a run: names the bottleneck that was measured and the command to try next.

Every rule reads measured quantities (shares of the critical path, link use, percent of bound); none knows an algorithm's
reputation. What to try is a comparison of algorithms that fit the finding, never a promise.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from collsim.collectives.algorithm import ALGORITHMS, Algorithm
from collsim.result import Outcome
from collsim.units import format_size, format_time

__all__ = ["Advice", "advise"]

AT_BOUND = 97.0
LATENCY_SHARE, WAIT_SHARE, LOCAL_SHARE = 0.4, 0.15, 0.25


@dataclass(frozen=True, slots=True)
class Advice:
    """`finding`: the bottleneck with its measure, a sentence; `command`: what to run next."""

    finding: str
    command: str


def advise(outcome: Outcome) -> Advice:
    """Return the advice of the first rule that holds; the last one always does."""
    for rule in (_at_bound, _unknown_path, _waits, _local_work, _latency, _few_links):
        if (advice := rule(outcome)) is not None:
            return advice
    return _volume(outcome)


def _at_bound(o: Outcome) -> Advice | None:
    if o.percent_of_bound < AT_BOUND:
        return None
    rate = int(2 * o.topology.bandwidth.max())
    text = f"The run reaches {o.percent_of_bound:.1f} % of the bound ({o.bound.kind}), so only a faster network helps."
    return Advice(text, f"{_run(o)} --bandwidth {rate // 10**9}GB/s" if _named(o) else _bound(o))


def _unknown_path(o: Outcome) -> Advice | None:
    if o.result.critical_path:
        return None
    text = f"{_busiest(o)}; the {o.result.engine} engine keeps no critical path, a packet engine tells where the time goes."
    return Advice(text, f"{_run(o, engine=False)} --engine simpy")


def _waits(o: Outcome) -> Advice | None:
    shares = o.critical_shares()
    waits = {k: shares.get(k, 0.0) for k in ("link_wait", "credit_wait", "port_wait", "step_wait")}
    worst = max(waits, key=lambda k: waits[k])
    if waits[worst] < WAIT_SHARE:
        return None
    share = f"{100 * waits[worst]:.0f} % of the critical path"
    if worst == "credit_wait":
        return Advice(
            f"{share} waits for room in the next buffer: buffers are too small.", f"{_run(o)} --set flow_control=none"
        )
    if worst == "port_wait":
        return Advice(
            f"{share} waits for a free port of the NIC: the host injects through too few.", f"{_run(o)} --set ports=0"
        )
    if worst == "step_wait":
        return Advice(f"{share} waits for a step to open: lockstep costs it.", f"{_run(o)} --set nic_scheduler=lowest-step")
    return Advice(f"{share} waits for links that other messages hold, {_at_link(o)}.", _compare(o, _all))


def _local_work(o: Outcome) -> Advice | None:
    shares = o.critical_shares()
    if shares.get("reduction", 0.0) >= LOCAL_SHARE:
        text = f"Reducing is {100 * shares['reduction']:.0f} % of the critical path: hosts add too slowly."
        return Advice(text, f"{_run(o)} --set reduction_rate=free")
    if shares.get("overhead", 0.0) >= LOCAL_SHARE:
        text = f"Message overhead is {100 * shares['overhead']:.0f} % of the critical path: fewer, larger messages help."
        return Advice(text, _compare(o, _fewer_steps))
    return None


def _latency(o: Outcome) -> Advice | None:
    shares = o.critical_shares()
    share = shares.get("latency", 0.0) + shares.get("router", 0.0) + shares.get("overhead", 0.0)
    if share < LATENCY_SHARE:
        return None
    text = (
        f"Latency is {100 * share:.0f} % of the critical path over {o.schedule.steps} steps: fewer steps help at this size."
    )
    return Advice(text, _compare(o, _fewer_steps))


def _few_links(o: Outcome) -> Advice | None:
    use = o.link_use
    if float(use.mean()) > 0.5 or float(use.max()) < 0.5:
        return None
    idle = int((use < 0.01).sum())
    spare = f"{idle} of {o.topology.links} links never send" if idle else f"mean link use is {100 * use.mean():.0f} %"
    return Advice(f"{_busiest(o)} while {spare}: an algorithm that uses more links helps.", _compare(o, _all))


def _volume(o: Outcome) -> Advice:
    parts = o.critical_shares()
    part = next(iter(parts), "serialisation")
    text = (
        f"{part.replace('_', ' ').capitalize()} is {100 * parts.get(part, 1.0):.0f} % of the critical path at a mean link "
        f"use of {100 * float(o.link_use.mean()):.0f} %: fewer bytes over the busiest links help, {_at_link(o)}."
    )
    return Advice(text, _compare(o, _all))


def _busiest(o: Outcome) -> str:
    link = o.bottleneck
    return f"Link {o.topology.link_name(link)} is busy {100 * float(o.link_use[link]):.0f} % of the time"


def _at_link(o: Outcome) -> str:
    links = o.result.critical_links
    if not links:
        return f"most of all on {o.topology.link_name(o.bottleneck)}"
    link = max(links, key=lambda k: (links[k], -k))
    return f"most of all at {o.topology.link_name(link)} ({format_time(links[link])})"


def _all(_: Outcome, entry: Algorithm) -> bool:
    return entry.name != "binomial-tree"


def _fewer_steps(o: Outcome, entry: Algorithm) -> bool:
    steps = entry.steps.value(o.topology, o.schedule.collective, o.schedule.ranks)
    return steps is not None and Fraction(steps) < o.schedule.steps


def _compare(o: Outcome, fits: Callable[[Outcome, Algorithm], bool]) -> str:
    """Return a compare command of this algorithm and those for the same collective that fit the finding."""
    own = o.algorithm.partition(":")[0]
    wanted = o.schedule.collective.name
    others = [n for n, a in ALGORITHMS.items() if wanted in a.collectives and n != own and fits(o, a)]
    size = format_size(o.size).replace(" ", "") if o.size % 1024 == 0 else f"{o.size}B"
    tail = "" if wanted == "all-reduce" else f" --collective {wanted}"
    names = ",".join([own, *others]) if others else own
    return f"collsim compare --topo {shlex.quote(o.topology.name)} --algos {names} --sizes {size}{tail}"


def _named(o: Outcome) -> bool:
    """Whether the topology takes --bandwidth: all its links are alike, as a family's are."""
    return bool(o.topology.bandwidth.min() == o.topology.bandwidth.max()) and o.topology.family != "graph"


def _run(o: Outcome, engine: bool = True) -> str:
    plan = o.schedule.collective
    parts = ["collsim run", f"--topo {shlex.quote(o.topology.name)}", f"--algo {shlex.quote(o.algorithm)}"]
    parts += [f"--collective {plan.name}"] if plan.name != "all-reduce" else []
    parts += [f"--size {format_size(o.size).replace(' ', '')}"] if o.size % 1024 == 0 else [f"--size {o.size}B"]
    parts += [f"--set {change.replace(' ', '')}" for change in o.network.describe_changes()]
    return " ".join(parts + ([f"--engine {o.result.engine}"] if engine and o.result.engine != "simpy" else []))


def _bound(o: Outcome) -> str:
    return f"collsim bound --topo {shlex.quote(o.topology.name)} --collective {o.schedule.collective.name} --size {o.size}B"
