"""Schedules that must run as trains: all of one link a message, and those of switches in which no two messages meet."""

import pytest
from conformance.cases import schedule, topology
from engines.train_cases import unlike

from collsim.engines.compiled.trains.engine import try_trains
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import single_call

ONE_HOP = [
    *((name, topo) for name in ("ring", "2d-ring", "multitree") for topo in ("torus4x4", "torus3x4", "torus8x8")),
    *((name, topo) for name in ("ring", "multitree") for topo in ("ring6", "mesh4x4", "mesh3x4", "hypercube8")),
    ("2d-ring", "mesh3x4"),
    ("multitree", "torus2x3x4"),
    ("direct", "full5"),
    ("halving-doubling", "hypercube8"),
]
THROUGH_SWITCHES = [
    *((name, "switch16") for name in ("direct", "ring", "halving-doubling", "recursive-doubling")),
    ("ring", "fattree4"),
    ("halving-doubling", "fattree4"),
    ("ring", "leafspine4x4x4"),
]


SMALL = {"packet_payload": 256}
SETTINGS = [{}, pytest.param(SMALL, marks=pytest.mark.slow), SMALL | {"router_delay": "20ns"}]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("algorithm, topo", ONE_HOP + THROUGH_SWITCHES)
def test_trains_suffice(algorithm, topo, settings):
    machine, plan = topology(topo), schedule(algorithm, topo, "all-reduce")
    network = NetworkConfig().with_settings(settings)
    # The direct exchange meets nobody only while all messages are as long.
    small = single_call(plan, 40_003 if (algorithm, topo) in ONE_HOP else 49_152)
    result = try_trains(machine, small, network)
    assert not unlike(result, ENGINES.get("simpy")(machine, small, network))
    large = try_trains(machine, single_call(plan, 2**30), network)
    assert large.packets >= 2**30 // network.packet.packet_payload


@pytest.mark.parametrize("settings", [{}, {"header": 16}, {"header": 16, "packet_payload": 64}])
@pytest.mark.parametrize("algorithm, topo", [("multitree", "torus4x4"), ("ring", "switch16"), ("ring", "fattree4")])
def test_message_based_flow_control(algorithm, topo, settings):
    machine, program = topology(topo), single_call(schedule(algorithm, topo, "all-reduce"), 70_000)
    network = NetworkConfig().with_settings({**settings, "flow_control": "message"})
    result = try_trains(machine, program, network)
    assert not unlike(result, ENGINES.get("simpy")(machine, program, network))
