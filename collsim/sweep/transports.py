"""One collective on one machine by each transport: what paths, losses and slow links do to it, beside an ideal fabric.

Runs come one by one from `study`, so that whoever stops early keeps what is done; `compare_transports` makes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from collsim.collectives.schedule import Schedule
from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue, StallError, UnknownName
from collsim.network.link_changes import check_changes
from collsim.network.loss import loses_any
from collsim.network.usable_links import load_imbalance, usable_links
from collsim.program import Program, single_call
from collsim.result import Result
from collsim.simulate import Case, prepare
from collsim.sweep.transports_conditions import Condition, conditions, one_switch
from collsim.sweep.transports_study import Cell, Point, Study
from collsim.topology.graph import Topology
from collsim.topology.routing import fitting, route
from collsim.units import FS_PER_SECOND, PER_BILLION, parse_size

__all__ = [
    "TRANSPORTS",
    "Cell",
    "Condition",
    "Point",
    "Study",
    "checked_plan",
    "compare_transports",
    "conditions",
    "one_switch",
    "study",
]

TRANSPORTS = ("ecmp", "spray", "least-queued", "feedback")
"""The routings compared unless others are named; any other routing of the machine may be."""
LOSSES = ("1e-6", "1e-5")
IN_ORDER: Mapping[str, object] = {"delivery": "in-order"}
"""So that the reorder buffer is known; it changes no time."""
Observers = Callable[[str], Sequence[object]]


def compare_transports(
    topology: str | Path | Topology,
    algorithm: str = "ring",
    size: str | int = "16MiB",
    transports: Sequence[str] = TRANSPORTS,
    *,
    impair: str | None = None,
    losses: Sequence[str | float] = LOSSES,
    seeds: int = 1,
    **settings: Any,
) -> Study:
    """Run one collective by each of `transports` on the machine as it is, with a bad cable, and with losses.

    `impair`: "LINK=SHARE" of its rate, "LINK=loss:P", "LINK=drop", "TIME:LINK=WHAT" for one that changes during the run as
    with `at`, "none", or None for the first cable between switches at a quarter.
    `losses`: rates of all links, a condition each. `seeds`: runs of each transport, `seed` and those after it. `settings`:
    those of `collsim.simulate.prepare`, such as collective, network, engine, seed and at. Raises UsageError and RunError.

    >>> from collsim.sweep.transports import compare_transports
    >>> found = compare_transports("leafspine2x2x2", "ring", "64KiB", ["ecmp", "spray"], losses=[], engine="simpy")
    >>> [(cell.condition, cell.transport) for cell in found.cells][:2]
    [('as it is', 'ecmp'), ('as it is', 'spray')]
    """
    case = prepare(topology, **settings)
    states = conditions(case.topology, impair, losses)
    found: Study | None = None
    for latest in study(case, algorithm, parse_size(size), transports, states, seeds=seeds):
        found = latest
    if found is None:
        raise InvalidValue("There is no transport to run; name at least one, like spray.")
    return found


def study(
    case: Case,
    algorithm: str,
    size: int,
    transports: Sequence[str] = TRANSPORTS,
    states: Sequence[Condition] = (),
    observers: Observers = lambda text: (),
    *,
    seeds: int = 1,
) -> Iterator[Study]:
    """Yield the study after each run, one point more each time, so that whoever stops early keeps what is done.

    `seeds`: runs of each transport under each condition, with the seed of `case` and those after it; one where nothing is
    drawn, a single path without losses. Links change as `case` says in every run, that on the ideal fabric aside. A run that
    stalls is a point that says why. Raises UsageError: a transport that is no routing of the machine, an algorithm that
    fixes its paths, no fabric.
    """
    plan = checked_plan(case, algorithm, size, transports, seeds)
    program = single_call(plan, size)
    ideal_case = replace(case, topology=one_switch(case.topology), changes=())
    ideal = _run(ideal_case, program, {"loss": 0, "routing": "widest"}).time
    bound = case.bound(size).time
    points: list[Point] = []
    states = states or conditions(case.topology)
    changing = [check_changes(case.topology, (*case.changes, *state.changes)) for state in states]
    for state, changes in zip(states, changing, strict=True):
        for transport in transports:
            settings = {"routing": transport, **IN_ORDER, **({"loss": state.loss / PER_BILLION} if state.loss else {})}
            own = replace(case, topology=state.topology, network=case.network.with_settings(settings), changes=changes)
            usable = usable_links(own.topology, plan, size, own.network)
            for seed in range(case.seed, case.seed + (seeds if _draws(own) else 1)):
                text = f"{transport}, {state.name}" + (f", seed {seed}" if seeds > 1 else "")
                started = perf_counter()
                name = state.name, transport, seed
                try:
                    result = _run(replace(own, seed=seed), program, {}, observers(text))
                    points.append(_point(own.topology, name, result, ideal, (usable, perf_counter() - started)))
                except StallError as why:
                    points.append(Point(*name, load_links=len(usable), wall_s=perf_counter() - started, stalled=str(why)))
                yield Study(case, algorithm, size, ideal, bound, tuple(points), seeds)


def checked_plan(case: Case, algorithm: str, size: int, transports: Sequence[str], seeds: int = 1) -> Schedule:
    """Return the schedule, once all that can be refused has been. Raises UsageError as `study` does."""
    for name in transports:
        if name not in fitting(case.topology):
            raise UnknownName("transport", name, fitting(case.topology))
    if case.engine == "analytic":
        raise InvalidValue("The analytic engine knows no transports; use --engine compiled or simpy.")
    if seeds < 1:
        raise InvalidValue(f"A transport cannot run with {seeds} seeds; give 1 or more.")
    plan, _ = case.plan(algorithm, size)
    if len(plan.path_links):
        raise InvalidValue(
            f"The algorithm {algorithm} fixes the paths of its messages, so that transports have no choice; take one that "
            "leaves them to routing, like ring, direct or halving-doubling."
        )
    return plan


def _draws(case: Case) -> bool:
    """Tell whether a run depends on its seed: where packets have a choice of paths, or links lose some of them."""
    router = case.network.router
    routing = route(case.topology, router.routing, router.virtual_channels)
    return routing.multipath != "single" or loses_any(case.topology, case.network, case.changes)


def _run(case: Case, program: Program, settings: Mapping[str, object], observers: Sequence[object] = ()) -> Result:
    network = case.network.with_settings(settings)
    more = {"changes": case.changes} if case.changes else {}
    return ENGINES.get(case.engine)(case.topology, program, network, seed=case.seed, observers=observers, **more)


def _point(
    topology: Topology, name: tuple[str, str, int], result: Result, ideal: int, more: tuple[np.ndarray[Any, Any], float]
) -> Point:
    (condition, transport, seed), (usable, wall) = name, more
    assert result.reorder_peak is not None
    busiest = int(usable[np.argmax(result.link_busy[usable])]) if len(usable) else int(np.argmax(result.link_busy))
    return Point(
        condition=condition,
        transport=transport,
        seed=seed,
        time_s=result.time / FS_PER_SECOND,
        slowdown=result.time / max(ideal, 1),
        load=load_imbalance(result.link_busy, usable),
        load_links=len(usable),
        busiest=topology.link_name(busiest),
        packets=result.packets,
        lost=result.packets_lost,
        repeated=result.packets_repeated,
        discarded=result.packets_discarded,
        reorder_peak=int(result.reorder_peak.max(initial=0)),
        packet_hops=result.packet_hops,
        wall_s=wall,
    )
