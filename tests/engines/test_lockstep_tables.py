"""Rule 13 is the execution of NIC tables: NICs that know only their tables finish every message at the engines' time.

MULTITREE on direct networks, where no two messages of a step share a link and a NIC has injected a step before it opens
the next; so nothing ever meets, and the oracle needs no network but the time of a message alone.
"""

from functools import cache

import pytest
from conformance.cases import schedule, topology
from oracles.lone_message import packets_of, tails
from oracles.table_nic import Tables

from collsim.collectives.nic_table import nic_tables
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.units import parse_size, parse_time, serialisation_fs

RATE, LATENCY = 16 * 10**9, 150 * 10**6
GRIDS = ("torus2x2", "torus3x3", "torus4x3", "torus4x4", "mesh2x2", "mesh3x2", "mesh3x3", "mesh4x3", "mesh4x4")
ESTIMATES = ("schedule", "0ns", "100ns", "1us", "7us", "oracle", "multitree-isca21")
NETWORKS = {
    "defaults": {},
    "packets": {"packet_payload": "256B", "header": "16B", "router_delay": "2ns"},
    "messages": {"packet_payload": "256B", "header": "16B", "flow_control": "message"},
    "ends": {"injection_latency": "1ns", "ejection_latency": "3ns", "message_overhead": "40ns"},
    "sums": {"reduction_rate": "128GB/s", "reduction_quantum": "2KiB"},
}


@cache
def tables_of(topo, operation, size):
    return nic_tables(schedule("multitree", topo, operation), size)


class Waits(dict):
    """{step: fs that a NIC waits in it}; `before`: fs between readiness and the first packet."""

    def __init__(self, made, estimate, settings):
        payload, header, by_message = packets_in(settings)
        self.before = parse_time(settings.get("injection_latency", "0ns")) + parse_time(
            settings.get("message_overhead", "0ns")
        )
        if estimate == "oracle":
            return
        for step in range(made.steps):
            size = max(e.size for _, e in made.entries() if e.step == step and e.targets)
            q, cycles = -(-size // payload), 16 if by_message else 17
            if estimate == "schedule":
                sizes = packets_of(size, payload, header, by_message)
                self[step] = sum(serialisation_fs(n, RATE) for n in sizes)
            elif estimate == "multitree-isca21":
                self[step] = (q if q <= 58 else cycles * q - 928) * 10**6
            else:
                self[step] = parse_time(estimate)


def packets_in(settings):
    """Return the payload of a packet, its header, and whether only the first of a message has one."""
    payload, header = (parse_size(settings.get(k, d)) for k, d in (("packet_payload", 4096), ("header", 0)))
    return payload, header, settings.get("flow_control") == "message"


def told(topo, operation, size, estimate, settings):
    """Return {(rank, target, opcode, flow, step): fs} as the tables alone say, where no two messages meet."""
    made = tables_of(topo, operation, size)
    payload, header, by_message = packets_in(settings)
    delay, behind = (parse_time(settings.get(k, "0ns")) for k in ("router_delay", "ejection_latency"))
    rate, quantum = settings.get("reduction_rate"), parse_size(settings.get("reduction_quantum", 1))

    @cache
    def way(size, hops):
        lone = {"payload": payload, "header": header, "message_mode": by_message, "router_delay": delay}
        arrived, links = tails(size, [(RATE, LATENCY)] * hops, **lone)
        return links[0][1], arrived

    def message(rank, target, entry, k):
        sums = rate is not None and entry.opcode == "Reduce"
        reduction = -(-entry.size // quantum) * quantum * 10**15 // (128 * 10**9) if sums else 0
        left, arrived = way(entry.size, len(entry.paths[k]))
        return left, arrived + behind + reduction

    waits = Waits(made, estimate, settings)
    return Tables(made, message, waits.__getitem__ if waits else None, ready_after=waits.before).run()


def named(plan):
    """Return the names of the messages of a schedule, as `told` has them."""
    columns = (getattr(plan, name).tolist() for name in ("src", "dst", "op", "chunk", "step"))
    return [(s, d, "Reduce" if op else "Gather", c, t) for s, d, op, c, t in zip(*columns, strict=True)]


def network_of(estimate, settings):
    return NetworkConfig().with_settings(settings | {"nic_scheduler": "lockstep", "lockstep_estimate": estimate})


def timed(topo, operation, size, estimate, settings, engine):
    plan = schedule("multitree", topo, operation)
    result = ENGINES.get(engine)(topology(topo), single_call(plan, size), network_of(estimate, settings))
    return dict(zip(named(plan), result.message_finish.tolist(), strict=True))


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize("topo", GRIDS)
def test_rule_13_is_the_execution_of_the_tables(topo, estimate, engine):
    asked = (topo, "all-reduce", 100_001, estimate, NETWORKS["defaults"])
    assert timed(*asked, engine) == told(*asked)


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize("topo", ["torus4x4", "mesh4x3"])
def test_rule_13_under_other_settings(topo, estimate, name, engine):
    asked = (topo, "all-reduce", 300_000, estimate, NETWORKS[name])
    assert timed(*asked, engine) == told(*asked)


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
@pytest.mark.parametrize("operation", ["reduce-scatter", "all-gather"])
@pytest.mark.parametrize("estimate", ESTIMATES)
def test_rule_13_for_one_phase(estimate, operation, engine):
    asked = ("mesh3x3", operation, 40_000, estimate, NETWORKS["messages"])
    assert timed(*asked, engine) == told(*asked)


def test_the_oracle_can_tell_engines_apart():
    """The tables under one estimate do not give the times of another: equality above is no accident."""
    one = told("mesh4x4", "all-reduce", 100_001, "schedule", {})
    assert one != told("mesh4x4", "all-reduce", 100_001, "1us", {})
    assert max(one.values()) != max(told("mesh4x4", "all-reduce", 100_001, "oracle", {}).values())
