"""What a wrong estimate does (rule 13), as closed forms: experiments/lockstep_estimate rests on them."""

import numpy as np
import pytest
from conformance.cases import schedule, topology

from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import single_call

NS, CHUNK = 10**6, 4096
GRIDS = ("torus4x4", "mesh4x4", "torus3x3", "mesh3x5", "hypercube8")
SETTINGS = {"packet_payload": 256, "header": 16, "nic_scheduler": "lockstep"}
ALONE = (17 * 16 + 150) * NS
both_engines = pytest.mark.parametrize("engine", ["simpy", "compiled"])


def run(topo, estimate, engine, **settings):
    plan = schedule("multitree", topo, "all-reduce")
    network = NetworkConfig().with_settings(SETTINGS | {"lockstep_estimate": estimate} | settings)
    return plan, ENGINES.get(engine)(topology(topo), single_call(plan, CHUNK * plan.ranks), network)


@both_engines
@pytest.mark.parametrize("times", [1, 1.1, 3])
@pytest.mark.parametrize("topo", GRIDS)
def test_too_long_costs_the_difference_in_every_step_but_the_last(topo, times, engine):
    estimate = int(times * ALONE)
    plan, result = run(topo, estimate, engine)
    assert result.time == (plan.steps - 1) * estimate + ALONE


@both_engines
@pytest.mark.parametrize("estimate", [0, 100 * NS, "schedule", 400 * NS, 2 * ALONE, "oracle"])
@pytest.mark.parametrize("topo", GRIDS)
def test_on_direct_networks_no_message_is_held_up_at_any_estimate(topo, estimate, engine):
    _, result = run(topo, estimate, engine)
    assert (result.message_finish - result.message_started == ALONE).all()


@both_engines
@pytest.mark.parametrize("topo", GRIDS)
def test_too_short_is_never_slower_than_the_oracle(topo, engine):
    _, exact = run(topo, "oracle", engine)
    times = [run(topo, share * ALONE // 10, engine)[1].time for share in range(0, 11, 2)]
    assert times == sorted(times)
    assert times[-1] == exact.time


@both_engines
@pytest.mark.parametrize("topo", ["fattree4x2", "bigraph4x4"])
def test_behind_switches_short_estimates_let_steps_meet_and_the_longest_step_does_not(topo, engine):
    plan, exact = run(topo, "oracle", engine)
    alone = exact.message_finish - exact.message_started
    ends = np.zeros(plan.steps, np.int64)
    np.maximum.at(ends, plan.step, exact.message_finish)
    longest = int(np.diff(ends, prepend=0).max())
    for estimate, meet in ((0, True), (longest, False), (2 * longest, False)):
        result = run(topo, estimate, engine)[1]
        assert bool((result.message_finish - result.message_started > alone).any()) is meet
