"""Random cases, each from one integer: what to run where, kept below a number of packet-hops."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

from agreement.cases import Bursts, Case, Compute, Item, Machine, parts
from agreement.draw_changes import changes_loss, draw_changes
from agreement.draw_extremes import draw_extreme, draw_trouble
from agreement.draw_machine import draw_machine, draw_suited
from agreement.draw_program import draw_call, draw_calm, draw_items
from agreement.draw_settings import SINGLE_PATH, draw_settings
from agreement.draw_transport import MOST_LOSSY_HOPS, draw_transport, is_lossy

from collsim.collectives.algorithm import ALGORITHMS
from collsim.errors import CollsimError, RoutingError
from collsim.topology.paths import host_hops
from collsim.topology.routing import route

__all__ = ["KINDS", "MOST_HOPS", "draw", "packet_hops"]

KINDS = {"plain": 58, "calm": 20, "knot": 9, "extreme": 9, "trouble": 4, "suited": 0, "changing": 0}
"""Kinds of cases and how many of a hundred: calm ones hardly contend, knots may deadlock, trouble is refused. Every
`SUITED`th is of another kind: it takes an algorithm, one after the other, and then a machine that it suits. Changing ones,
which are drawn only where they are asked for, are any others with links that change.
"""
SUITED = 8
MOST_HOPS = 2000
"""Packet-hops of a case are at most this many."""


def draw(number: int, only: str | None = None) -> Case:
    """The case of an integer, the same on every machine and in every process; `only` of that kind."""
    if only == "changing":
        case = draw_changes(random.Random(f"changes {number}"), draw(number))
        with suppress(CollsimError, IndexError):  # of a case that is refused for something else, as a host that is not there
            hosts = range(case.topology.hosts)
            sound = all(source in hosts and target in hosts for source, target, *_ in parts(case.program()))
            case = _within(case, MOST_LOSSY_HOPS, at_most=True) if sound and changes_loss(case) else case
        return case
    rng = random.Random(f"agreement {number}")
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    kind = only or ("suited" if number % SUITED == SUITED - 1 else kind)
    settings = draw_settings(rng, knot=kind == "knot", calm=kind == "calm" and rng.random() < 0.8)
    if kind == "suited":
        algorithm = list(ALGORITHMS)[(number if only else number // SUITED) % len(list(ALGORITHMS))]
        machine = draw_suited(rng, algorithm)
        if not _fits(machine, str(settings["routing"])):
            settings["routing"] = rng.choice([routing for routing in SINGLE_PATH if _fits(machine, routing)])
    else:
        machine = _machine(rng, str(settings["routing"]), knot=kind == "knot")
    settings = _fit_room(rng, {k: v for k, v in settings.items() if v is not None})
    room = int(str(settings.get("packet_payload", 4096)))
    if kind == "suited":
        case = Case(machine, draw_call(rng, machine.topology, algorithm, room), settings)
    elif kind == "calm":
        case = Case(machine, draw_calm(rng, machine.topology, room), settings | rng.choice(({}, {"buffer": "auto"})))
    else:
        case = Case(machine, draw_items(rng, machine.topology, settings, room, crowded=kind == "knot"), settings)
    budget = 500 if kind == "knot" else rng.choice((60, 120, 300, 300, 600, 1000, MOST_HOPS))
    case = replace(_within(case, budget), seed=rng.choice((0, rng.randrange(2**31))))
    case = draw_transport(random.Random(f"transport {number}"), case, kind)
    if is_lossy(case):
        case = _within(case, MOST_LOSSY_HOPS, at_most=True)
    if kind == "trouble":
        return draw_trouble(rng, case)
    return _within(draw_extreme(rng, case), MOST_HOPS, at_most=True) if kind == "extreme" else case


def _machine(rng: random.Random, routing: str, *, knot: bool) -> Machine:
    """A machine on which `routing` finds its ways; a few small ones leave Valiant no place to turn at."""
    while True:
        machine = draw_machine(rng, routing, knot=knot)
        if _fits(machine, routing):
            return machine


def _fits(machine: Machine, routing: str) -> bool:
    try:
        route(machine.topology, routing)
    except RoutingError:
        return False
    return True


def _fit_room(rng: random.Random, settings: dict[str, object]) -> dict[str, object]:
    """Turn a buffer of some packets into bytes."""
    largest = int(str(settings.get("packet_payload", 4096))) + int(str(settings.get("header", 0)))
    count = settings.get("buffer")
    if isinstance(count, int):
        extra = rng.choice((0, 0, 1, largest // 2, largest - 1))
        settings = settings | {"buffer": count * largest + extra}
    return settings


def packet_hops(case: Case) -> int:
    """At least as many packet-hops as the case has."""
    payload, router = case.network.packet.packet_payload, case.network.router
    longest = 2 * int(host_hops(case.topology).max())
    routing = route(case.topology, router.routing, router.virtual_channels)
    ways: dict[tuple[int, int], int] = {}
    total = 0
    for source, target, size, _, path in parts(case.program()):
        if source != target:
            if (source, target) not in ways:
                detours = routing.turns is not None
                ways[source, target] = longest if detours else len(routing.path(source, target, (0, 0, 0)))
            total += -(-size // payload) * (len(path) or ways[source, target])
    return total


def _within(case: Case, budget: int, *, at_most: bool = False) -> Case:
    """Send more or less until the case is near `budget` and within it; where that is not enough, leave out the largest.

    `at_most`: never send more.
    """
    for _ in range(8):
        hops = packet_hops(case)
        if hops <= budget and (at_most or not hops or budget / 2 < hops):
            return case
        case = replace(case, items=tuple(_scaled(item, min(budget / hops, 4)) for item in case.items))
    while packet_hops(case) > budget:
        case = without(case, max(range(len(case.items)), key=lambda k: _weight(case, k)))
    return case


def _scaled(item: Item, by: float) -> Item:
    if isinstance(item, Bursts):
        return replace(item, rows=tuple((*row[:2], int(row[2] * by), row[3]) for row in item.rows))
    return item if isinstance(item, Compute) else replace(item, size=int(item.size * by))


def _weight(case: Case, index: int) -> int:
    item = case.items[index]
    alone = replace(case, items=(replace(item, deps=()),))
    return packet_hops(alone)


def without(case: Case, gone: int) -> Case:
    """The case without item `gone`; what depended on it depends on what it depended on."""
    before = case.items[gone].deps
    kept = []
    for index, item in enumerate(case.items):
        if index != gone:
            deps = {d for dep in item.deps for d in (before if dep == gone else (dep,))}
            kept.append(replace(item, deps=tuple(sorted(d - (d > gone) for d in deps))))
    return replace(case, items=tuple(kept))
