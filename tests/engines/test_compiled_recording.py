"""A log too small for the run: grants that fell out of it are found again by running once more."""

import gc
import weakref

import numpy as np
import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines.compiled import recording
from collsim.engines.compiled.engine import prepare, simulate
from collsim.network.config import NetworkConfig
from collsim.program import Program, Send, single_call
from collsim.topology import load

TORUS = load("torus4x4")
CROWD = Program(tuple(Send(a, (7 * a + 3 + k) % 16, 60_000, step=k) for a in range(16) for k in range(4)))


def grants(limit, program=CROWD, **settings):
    network = NetworkConfig().with_settings({"packet_payload": 256, "buffer": 512} | settings)
    made = []

    def begin():
        made.append(prepare(TORUS, program, network, 0).arrays)
        return made[-1]

    run = recording.Recording(begin(), begin, limit)
    return run, [run.grant(k) for k in reversed(range(int(run.arrays.root["grants"][0])))]


@pytest.fixture(scope="module")
def whole():
    return grants(10**6)[1]


@pytest.mark.parametrize("limit", [3000, 300, 20])
def test_every_grant_is_found_again(whole, limit):
    run, found = grants(limit)
    assert found == whole
    assert len(whole) > 25 * 64
    assert 1 < len(run._starts) <= recording.KEPT


def test_grants_may_be_asked_for_in_any_order(whole):
    run, _ = grants(300)
    for number in (5, len(whole) - 1, 4000, 3999, 0):
        assert run.grant(number) == whole[len(whole) - 1 - number]


def test_nothing_of_a_run_is_left_when_it_is_over():
    """Not even until the next collection: a long run's log and states are gigabytes."""
    gc.collect()
    gc.disable()
    try:
        run, _ = grants(300)
        assert run._within is not None
        left = weakref.ref(run)
        del run
        assert left() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("settings", [{}, {"nic_scheduler": "lockstep"}, {"routing": "spray"}, {"flow_control": "none"}])
def test_the_critical_path_does_not_depend_on_the_log(settings):
    schedule = ALGORITHMS.get("multitree").schedule(TORUS, collective("all-reduce"))
    network = NetworkConfig().with_settings({"packet_payload": 64} | settings)
    program = single_call(schedule, 20_000)
    long, short = (simulate(TORUS, program, network, 0, log_limit=limit) for limit in (10**6, 100))
    assert long.critical_path == short.critical_path
    assert long.critical_links == short.critical_links
    assert sum(short.critical_path.values()) == short.time
    np.testing.assert_array_equal(long.message_finish, short.message_finish)


def test_progress_is_told_and_ends_with_all_messages():
    told = []
    network = NetworkConfig().with_settings({"packet_payload": 2})
    result = simulate(TORUS, CROWD, network, 0, notify=[lambda *what: told.append(what)])
    assert len(told) > 1
    assert told[-1] == (64, 64, result.time)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
