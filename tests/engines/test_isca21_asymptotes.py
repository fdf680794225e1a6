"""What the MULTITREE paper's machine gives for large data: closed forms, and the compiled engine to the last digit.

Bandwidth is bytes of the all-reduce over its time. As data grow the time is (some steps) x (some bytes), so the slope
between two sizes is the asymptote itself, and can be compared exactly.
"""

from fractions import Fraction

import pytest

import collsim
from collsim.collectives import closed_forms

PACKETS = {"packet_payload": 256, "header": 16}
ORACLE = {"nic_scheduler": "lockstep", "lockstep_estimate": "oracle"}
NIC = {"injection_latency": "1ns", "ejection_latency": "1ns"}
LINK = 16
"""Bytes a nanosecond."""
SIDE, STEPS = {"torus4x4": 4, "torus8x8": 8}, {"torus4x4": 5, "torus8x8": 17}


def run(topology, algorithm, size, engine="compiled", latency="150ns", **settings):
    """Return the time in ns, exact."""
    outcome = collsim.simulate(
        topology, algorithm, size=size, engine=engine, network=settings, bandwidth="16GB/s", latency=latency
    )
    return Fraction(outcome.result.time, 10**6)


def slope(topology, algorithm, **settings):
    """Return bytes a nanosecond between two sizes that divide into whole packets: chunks of 16 and of 32 KiB a rank."""
    size = collsim.load(topology).hosts * 2**14
    less, more = (run(topology, algorithm, k * size, **settings) for k in (1, 2))
    return size / (more - less)


def law(topology, algorithm, beta):
    """Return bytes a nanosecond by the closed form with no latency."""
    n, size = SIDE[topology] ** 2, 1
    return (
        size
        / {
            "ring": lambda: closed_forms.LAWS["ring", "all-reduce"].time(n, size, Fraction(0), beta),
            "multitree": lambda: closed_forms.multitree(n, size, Fraction(0), beta, STEPS[topology]),
            "2d-ring-isca21": lambda: closed_forms.two_full_sweeps(SIDE[topology], size, Fraction(0), beta),
        }[algorithm]()
    )


@pytest.mark.parametrize(
    "topology, algorithm, printed",
    [
        ("torus4x4", "ring", "8.03"),
        ("torus4x4", "multitree", "24.1"),
        ("torus4x4", "2d-ring-isca21", "20.1"),
        ("torus8x8", "ring", "7.65"),
        ("torus8x8", "multitree", "28.3"),
        ("torus8x8", "2d-ring-isca21", "17.2"),
    ],
)
def test_packets_of_16_flits_and_a_head_near_their_asymptote(topology, algorithm, printed):
    wanted = law(topology, algorithm, Fraction(17, 16 * LINK))
    assert f"{float(wanted):#.3g}" == printed
    assert slope(topology, algorithm, **PACKETS) == wanted
    assert slope(topology, algorithm, **PACKETS, **ORACLE) == wanted


@pytest.mark.parametrize("topology, printed", [("torus4x4", "25.6"), ("torus8x8", "30.1")])
def test_a_head_a_message_costs_nothing_for_large_ones(topology, printed):
    wanted = law(topology, "multitree", Fraction(1, LINK))
    assert f"{float(wanted):#.3g}" == printed
    assert slope(topology, "multitree", flow_control="message", **PACKETS) == wanted
    assert slope(topology, "multitree", flow_control="message", **PACKETS, **ORACLE) == wanted


@pytest.mark.parametrize("topology, steps", [("torus4x4", 5), ("mesh4x4", 8), ("torus8x8", 17), ("mesh8x8", 32)])
def test_lockstep_takes_twice_its_steps_to_the_tick(topology, steps):
    chunk = 2**13
    size = collsim.load(topology).hosts * chunk
    assert run(topology, "multitree", size, **PACKETS, **ORACLE) == 2 * steps * (150 + Fraction(17 * chunk, 16 * LINK))


@pytest.mark.parametrize("topology, steps", [("torus4x4", 5), ("torus8x8", 17), ("mesh4x4", 8), ("mesh8x8", 32)])
def test_bandwidth_is_that_of_a_link_times_ranks_over_steps_within_one_percent(topology, steps):
    size = 64 * 2**20
    wanted = Fraction(LINK * collsim.load(topology).hosts, 2 * steps)
    assert abs(size / run(topology, "multitree", size, **ORACLE, packet_payload="64KiB") / wanted - 1) < Fraction(1, 100)


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
@pytest.mark.parametrize("packets", [1, 2, 8, 64])
def test_a_ring_step_takes_17_cycles_a_packet_and_152_more(engine, packets):
    size = 16 * packets * 256
    # One link of 150 ns, one cycle each way between NIC and router; a ring of single links passes no router in between.
    for router_delay in ("0ns", "15ns"):
        time = run("torus4x4", "ring:order=isca21", size, engine, **PACKETS, **NIC, router_delay=router_delay)
        assert time / 30 == 17 * packets + 152
    assert run("torus4x4", "ring", size, engine, **PACKETS, **NIC, flow_control="message") / 30 == 16 * packets + 1 + 152
