"""The same run twice is the same, and nothing depends on the order of events within a tick."""

import random

import numpy as np
import pytest
import simpy.core
from engines.reference_cases import ring, ring_all_reduce, simulate, star

from collsim.program import Call, Compute, Send

SETTINGS = [
    {},
    {"nic_scheduler": "round-robin", "ports": 1, "buffer": 4096},
    {"flow_control": "message", "header": 16, "virtual_channels": 2},
    {"vc_allocation": "most-room", "virtual_channels": 3, "arbitration": "oldest"},
    {"nic_scheduler": "lockstep", "switching": "store-and-forward"},
    {"nic_scheduler": "lockstep", "lockstep_estimate": "oracle", "reduction_rate": "20GB/s", "reduction_units": 1},
    {"message_overhead": "100ns", "overhead_mode": "serial", "injection_latency": "1ns", "arbitration": "lowest-step"},
]


def busy_program(seed):
    rng = random.Random(seed)
    sends = [Send(rng.randrange(6), rng.randrange(6), rng.choice([0, 1, 4096, 9000, 20000])) for _ in range(20)]
    call = Call(ring_all_reduce(6), 6 * 5000)
    return [call, *sends, Compute(2, 10**8, (0, 3)), Call(ring_all_reduce(6), 6, (21, 4))]


def facts(result):
    arrays = (result.operation_finish, result.message_ready, result.message_finish, result.link_busy, result.host_exposed)
    return [a.tolist() for a in arrays], result.critical_path, result.critical_links, result.provenance


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("machine", [star(6), ring(6)], ids=lambda t: t.name)
def test_order_of_events_within_a_tick_is_irrelevant(monkeypatch, settings, machine):
    plain = facts(simulate(machine, *busy_program(1), allow_deadlock=True, **settings))
    for seed in range(4):
        rng = random.Random(seed)
        monkeypatch.setattr(simpy.core, "count", lambda rng=rng: iter(rng.random, None))
        assert facts(simulate(machine, *busy_program(1), allow_deadlock=True, **settings)) == plain


def test_simulations_in_one_process_do_not_see_each_other():
    first = facts(simulate(star(6), *busy_program(2)))
    simulate(ring(6), *busy_program(3), ports=1, allow_deadlock=True)
    assert facts(simulate(star(6), *busy_program(2))) == first


def test_provenance_tells_runs_apart():
    base = simulate(star(6), *busy_program(2)).provenance
    for other, key in [
        (simulate(star(6), *busy_program(3)), "program"),
        (simulate(star(6), *busy_program(2), ports=1), "network"),
        (simulate(star(7), *busy_program(2)), "topology"),
        (simulate(star(6), *busy_program(2), seed=5), "seed"),
    ]:
        assert [k for k in base if base[k] != other.provenance[k]] == [key]


def test_observers_change_nothing_and_see_everything():
    class Everything:
        def __init__(self):
            self.grants, self.done, self.progress = 0, [], []

        def on_grant(self, *_, **__):
            self.grants += 1

        def on_complete(self, message, time):
            self.done.append((time, message))

        def on_progress(self, done, total, time):
            self.progress.append((done, total, time))

    watcher = Everything()
    result = simulate(star(6), *busy_program(2), observers=[watcher, object()])
    assert facts(result) == facts(simulate(star(6), *busy_program(2)))
    assert watcher.grants == result.packet_hops
    assert [t for t, _ in watcher.done] == sorted(result.message_finish.tolist())
    assert watcher.progress[-1] == (len(watcher.done), len(watcher.done), np.max(result.message_finish))
