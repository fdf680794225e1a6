"""Rule 13 is the execution of NIC tables: NICs that know only their tables finish every message at the engines' time.

MULTITREE on direct networks, where no two messages of a step share a link and a NIC has injected a step before it opens
the next; so nothing ever meets, and the oracle needs no network but the time of a message alone.
"""

from functools import cache

import pytest
from conformance.cases import schedule, topology
from oracles.lone_message import packets_of
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


def told(topo, operation, size, estimate, settings):
    """Return {(rank, target, opcode, flow, step): fs} as the tables alone say, and the estimates used."""
    made = tables_of(topo, operation, size)
    payload, header = (parse_size(settings.get(k, d)) for k, d in (("packet_payload", 4096), ("header", 0)))
    by_message = settings.get("flow_control") == "message"
    before = parse_time(settings.get("injection_latency", "0ns")) + parse_time(settings.get("message_overhead", "0ns"))
    behind = parse_time(settings.get("ejection_latency", "0ns"))
    rate, quantum = settings.get("reduction_rate"), parse_size(settings.get("reduction_quantum", 1))

    def inject(entry):
        return sum(serialisation_fs(n, RATE) for n in packets_of(entry.size, payload, header, by_message))

    def message(rank, target, entry, k):
        sums = rate is not None and entry.opcode == "Reduce"
        reduction = -(-entry.size // quantum) * quantum * 10**15 // (128 * 10**9) if sums else 0
        assert len(entry.paths[k]) == 1
        return inject(entry), inject(entry) + LATENCY + behind + reduction

    def wait(step):
        largest = max((e for _, e in made.entries() if e.step == step and e.targets), key=inject)
        if estimate == "schedule":
            return inject(largest)
        if estimate == "multitree-isca21":
            q, cycles = -(-largest.size // payload), 16 if by_message else 17
            return (q if q <= 58 else cycles * q - 928) * 10**6
        return parse_time(estimate)

    waits = {step: wait(step) for step in range(made.steps)} if estimate != "oracle" else {}
    return Tables(made, message, None if estimate == "oracle" else waits.__getitem__, ready_after=before).run()


def timed(topo, operation, size, estimate, settings, engine):
    plan = schedule("multitree", topo, operation)
    network = NetworkConfig().with_settings(settings | {"nic_scheduler": "lockstep", "lockstep_estimate": estimate})
    result = ENGINES.get(engine)(topology(topo), single_call(plan, size), network)
    columns = (getattr(plan, name).tolist() for name in ("src", "dst", "op", "chunk", "step"))
    names = [(s, d, "Reduce" if op else "Gather", c, t) for s, d, op, c, t in zip(*columns, strict=True)]
    return dict(zip(names, result.message_finish.tolist(), strict=True))


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
