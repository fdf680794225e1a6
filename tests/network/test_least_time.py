"""What a schedule takes at least: by hand where it is the time itself, below every engine elsewhere."""

import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.errors import AlgorithmUnsuitable
from collsim.network.config import NetworkConfig
from collsim.network.least_time import least_time
from collsim.simulate import simulate
from collsim.topology import load

LATENCY, BYTE = 150_000_000, 62_500


def test_a_ring_is_its_chain_and_a_shared_nic_its_load():
    size = 8 * 4096
    ring = least_time(load("ring8"), plan("ring8", "ring"), size, NetworkConfig())
    assert (ring.load, ring.chain) == (14 * 4096 * BYTE, 14 * (4096 * BYTE + LATENCY))
    direct = least_time(load("switch8"), plan("switch8", "direct"), size, NetworkConfig())
    assert (direct.load, direct.chain) == (14 * 4096 * BYTE, 2 * (4096 * BYTE + 2 * LATENCY + 1))
    assert direct.time == direct.load


def test_overheads_and_reductions_count_in_the_chain():
    settings = {"message_overhead": "1us", "ejection_latency": "5ns", "reduction_rate": "16GB/s", "header": 64}
    least = least_time(load("ring8"), plan("ring8", "ring"), 8 * 4096, NetworkConfig().with_settings(settings))
    one = 10**9 + (4096 + 64) * BYTE + LATENCY + 5 * 10**6
    assert least.chain == 14 * one + 7 * 4096 * BYTE
    assert least.load == 14 * (4096 + 64) * BYTE


def test_ways_chosen_packet_by_packet_promise_nothing():
    spray = NetworkConfig().with_settings({"routing": "spray"})
    assert least_time(load("torus4x4"), plan("torus4x4", "direct"), 65536, spray).time == 0
    assert least_time(load("torus4x4"), plan("torus4x4", "multitree"), 65536, spray).time > 0


@pytest.mark.parametrize("machine", ["torus3x3", "fattree2", "dgx1-v100", "dragonfly1x2x1"])
@pytest.mark.parametrize(
    "network", [{}, {"ports": 1, "nic_scheduler": "fifo"}, {"reduction_rate": "1GB/s", "routing": "ecmp"}]
)
def test_no_run_takes_less(machine, network):
    for name, entry in ALGORITHMS.items():
        for wanted in entry.collectives:
            try:
                run = simulate(machine, name, collective=wanted, size="20000", network=network)
            except AlgorithmUnsuitable:
                break
            assert least_time(run.topology, run.schedule, run.size, run.network).time <= run.result.time


def plan(machine, algorithm):
    return ALGORITHMS.get(algorithm).schedule(load(machine), collective("all-reduce"))
