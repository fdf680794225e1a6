"""Random cases in which messages often do not meet: few of them, or algorithms one after another; and how runs compare."""

import random
from dataclasses import replace

from agreement.cases import Case
from agreement.compare import FIELDS, plain
from agreement.draw import packet_hops, without
from agreement.draw_machine import draw_machine
from agreement.draw_program import draw_calm, draw_items

from collsim.engines.compiled.trains.engine import try_trains
from collsim.engines.engine import ENGINES
from collsim.errors import CollsimError
from collsim.program import Send

EVERY = (*FIELDS, "message_started")
ROUTINGS = ("auto", "auto", "dimension-order", "e-cube", "up-down", "minimal", "ecmp", "up-star-down-star")
SETTINGS = {
    "packet_payload": (64, 256, 1000, None, 9216),
    "header": (None, None, 1, 16, 300),
    "switching": (None, "cut-through", "store-and-forward"),
    "router_delay": (None, None, 1, 10**6, 40 * 10**6),
    "virtual_channels": (None, None, None, 2, 3, 5),
    "vc_allocation": (None, None, "most-room"),
    "arbitration": (None, "oldest", "lowest-step"),
    "flow_control": (None, None, "message", "none"),
    "nic_scheduler": (None, None, "fifo", "shortest-first", "round-robin"),
    "ports": (None, None, None, 1, 2),
    "message_overhead": (None, None, 1, 300 * 10**6),
    "injection_latency": (None, None, None, 1, 70 * 10**6),
    "ejection_latency": (None, None, None, 1, 90 * 10**6),
    "reduction_rate": (None, None, 10**9, 30 * 10**9 + 7),
    "reduction_quantum": (None, None, 128),
}


def draw_train(number: int) -> Case | None:
    """The case of an integer, None where settings or algorithms do not go together."""
    try:
        case = _draw(number)
        case.program()
    except CollsimError:
        return None
    return case


def _draw(number: int) -> Case:
    rng = random.Random(f"train {number}")
    settings = {key: rng.choice(values) for key, values in SETTINGS.items()} | {"routing": rng.choice(ROUTINGS)}
    settings = {key: value for key, value in settings.items() if value is not None}
    machine = draw_machine(rng, str(settings["routing"]), knot=False)
    payload = int(str(settings.get("packet_payload", 4096)))
    if rng.random() < 0.5:
        case = Case(machine, draw_calm(rng, machine.topology, payload), settings, rng.randrange(9))
    else:
        case = Case(machine, draw_items(rng, machine.topology, settings, payload, crowded=False), settings, rng.randrange(9))
        sends = [k for k, item in enumerate(case.items) if isinstance(item, Send)]
        for k in sorted(rng.sample(sends, max(len(sends) - rng.randint(1, 5), 0)), reverse=True):
            case = without(case, k)
    while packet_hops(case) > 1500:
        case = replace(case, items=tuple(replace(i, size=i.size // 2) if hasattr(i, "size") else i for i in case.items))
    return case


def trains(case):
    return try_trains(case.topology, case.program(), case.network, case.seed)


def packets(case, engine="simpy"):
    return ENGINES.get(engine)(case.topology, case.program(), case.network, seed=case.seed)


def unlike(one, other):
    """The fields in which two results differ, each with the two values."""
    pairs = {name: (plain(getattr(one, name)), plain(getattr(other, name))) for name in EVERY}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
