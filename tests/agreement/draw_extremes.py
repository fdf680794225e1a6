"""Cases with one thing far from the usual: what an engine has to refuse, and numbers at the ends of what it has to bear."""

from __future__ import annotations

import random
from dataclasses import replace

from agreement.cases import Bursts, Case, Compute, Item, Machine, Named, Rows, Send

__all__ = ["draw_extreme", "draw_trouble"]

ENDLESS = (2**62, 2**63 - 1, 2**63, 2**80)


def draw_trouble(rng: random.Random, case: Case) -> Case:
    """Return the case with something in it that an engine has to refuse, or with a clock that overflows."""
    kind = rng.choice(
        ("clock", "clock", "clock", "step", "host", "routing", "scheduler", "estimate", "cycle", "path", "flow")
    )
    settings, items, t = dict(case.settings), case.items, case.topology
    if kind == "clock":
        return _overflowing(rng, case)
    if kind == "step":
        step = rng.choice((-1, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**63, 2**80))
        items = (*items, Send(0, 1, 900, step=step), Send(0, 1, 900, step=1))
        if step < 2**63 and rng.random() < 0.3:
            items = (*items, Rows((0, 1), (1,), ((step, 0, 1, 0, 1, 0, (), ()),), 900))
            settings["nic_scheduler"] = rng.choice(("lowest-step", "fifo"))
    elif kind == "host":
        items = (*items, rng.choice((Compute(t.hosts, 5), Send(0, t.hosts + 3, 5), Send(t.nodes, 0, 1), Send(-1, 0, 1))))
    elif kind == "routing":
        settings["routing"] = "e-cube" if t.family != "hypercube" else "up-down"
    elif kind == "scheduler":
        settings["nic_scheduler"] = "longest-first"
    elif kind == "estimate":
        settings |= {"nic_scheduler": "lockstep", "lockstep_estimate": "guess"}
    elif kind == "cycle":
        rows = ((0, 0, 1, 0, 1, 0, (1,), ()), (1, 1, 0, 0, 1, 0, (0,), ()))
        items = (*items, Rows((0, 1), (1,), rows, 100))
    elif kind == "path":
        path = rng.choice(((t.links,), (0, 0), tuple(t.out_links[1][:1]), (-1,)))
        items = (*items, Rows((0, 1), (1,), ((0, 0, 1, 0, 1, 0, (), path),), 100))
    else:
        settings |= {"flow_control": "message", "routing": "least-queued"}
    return replace(case, items=items, settings=settings)


def _overflowing(rng: random.Random, case: Case) -> Case:
    """A clock that runs over, or nearly: by computations, slow links, long wires, delays, or overheads that take turns."""
    kind = rng.choice(("compute", "slow", "far", "delay", "delay", "turns"))
    settings, items = dict(case.settings), case.items
    if kind == "compute":
        after = tuple(range(len(items)))[-1:]
        first, second = rng.choice((1, *ENDLESS)), rng.choice((1, *ENDLESS))
        work = (Compute(0, first, after), Compute(0, second, (len(items),)), Send(0, 1, 999, (len(items) + 1,)))
        return replace(case, items=items + work)
    if kind in ("slow", "far"):
        speed = (rng.choice((1, 7, 1000)), 1) if kind == "slow" else (10**9, 3600 * 10**15)
        return replace(case, machine=replace(case.machine, speeds=(speed,)))
    if kind == "turns":
        settings |= {"overhead_mode": "serial", "message_overhead": rng.choice((1, 10**6, 2**40, 2**61))}
        settings["injection_latency"] = rng.choice((2**61, 2**62 - 1, 2**62))
        chain = tuple(Send(0, rng.randrange(2), 900, (len(items) + k - 1,) if k else ()) for k in range(rng.randint(1, 4)))
        return replace(case, items=items + chain, settings=settings)
    key = rng.choice(("router_delay", "message_overhead", "injection_latency", "ejection_latency", "lockstep_estimate"))
    settings[key] = rng.choice(ENDLESS)
    if key == "lockstep_estimate":
        settings["nic_scheduler"] = "lockstep"
    if rng.random() < 0.3:
        settings |= {"reduction_rate": 1, "reduction_quantum": rng.choice((10**4, 10**15, 2**61))}
    return replace(case, settings=settings)


def draw_extreme(rng: random.Random, case: Case) -> Case:
    """Return the case with something in it that is legal and rare."""
    settings, items, t = dict(case.settings), case.items, case.topology
    kind = rng.choice(
        (
            "nothing",
            "channels",
            "large packets",
            "ports",
            "room",
            "steps",
            "seed",
            "inputs",
            "shared",
            "loop",
            "empty",
            "long",
        )
    )
    if kind == "nothing":
        items = rng.choice(((), (Compute(0, 7),), (Compute(0, 0), Send(1, 1, 0, (0,))), items[:1]))
        items = tuple(replace(item, deps=tuple(d for d in item.deps if d < k)) for k, item in enumerate(items))
    elif kind == "channels":
        settings["virtual_channels"] = rng.choice((16, 31, 32, 33, 64, 65, 100))
    elif kind == "large packets":
        # A serialisation is no product of two 63-bit numbers any more.
        settings |= {"packet_payload": rng.choice((10**7, 10**9, 2**31, 5 * 10**9)), "buffer": "auto"}
        items = tuple(_larger(item, rng.choice((1000, 10**6))) for item in items)
    elif kind == "ports":
        settings["ports"] = rng.choice((3, 5, 100))
    elif kind == "room":
        settings["buffer"] = rng.choice((2**40, 2**61, 2**62 - 1))
    elif kind == "steps":
        items = tuple(
            replace(item, step=rng.choice((0, 10**6, 2**31 - 1))) if isinstance(item, Send) else item for item in items
        )
    elif kind == "seed":
        return replace(case, seed=rng.choice((2**31, 2**32 - 1, 2**63, 2**64, 10**30, -1)))
    elif kind == "inputs":
        return _many_inputs(rng, case)
    elif kind == "shared":
        calls = [item for item in items if isinstance(item, Named | Rows)]
        for call in calls[:1] * rng.randint(1, 3):
            deps = tuple(sorted({rng.randrange(len(items)) for _ in range(rng.randint(0, 2))}))
            items = (*items, replace(call, size=call.size // rng.randint(2, 9), deps=deps))
    elif kind == "loop":
        out = t.out_links[0][0]
        back = t.links_between(int(t.target[out]), 0)
        items = (*items, Rows((0, 1), (1,), ((0, 0, 0, 0, 1, rng.randrange(2), (), (out, *back[:1])),), 5000))
    elif kind == "empty":
        items = tuple(item if isinstance(item, Compute | Bursts) else replace(item, size=0) for item in items)
    else:
        # Few messages of many packets: what is sent as trains, and meets.
        payload = case.network.packet.packet_payload
        ends = [(rng.randrange(t.hosts), rng.randrange(t.hosts)) for _ in range(rng.randint(1, 4))]
        items = tuple(
            Send(*two, rng.randint(10, 90) * payload + rng.randrange(payload), step=rng.randrange(2)) for two in ends
        )
    return replace(case, items=items, settings=settings)


def _larger(item: Item, times: int) -> Item:
    return item if isinstance(item, Compute | Bursts) else replace(item, size=item.size * times)


def _many_inputs(rng: random.Random, case: Case) -> Case:
    """A switch with more inputs than a machine word has bits."""
    hosts = rng.choice((31, 33, 63, 64, 65, 80))
    payload = case.network.packet.packet_payload
    hot = rng.sample(range(hosts), 3)
    sends = tuple(
        Send(h, rng.choice(hot), rng.randint(1, 3) * payload + rng.randrange(9), step=rng.randrange(2))
        for h in rng.sample(range(hosts), 30)
    )
    settings = {k: v for k, v in case.settings.items() if k not in ("routing", "virtual_channels")}
    return Case(Machine(case.machine.speeds[:1], f"switch{hosts}"), sends, settings, case.seed)
