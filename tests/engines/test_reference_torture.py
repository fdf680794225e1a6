"""Random machines, programs and settings, audited from the grants alone: nothing lost, overlapping or overfull."""

from fractions import Fraction
from math import ceil

import pytest
from engines.reference_cases import simulate
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from oracles.packet_audit import Audit

from collsim.errors import RoutingError
from collsim.network.config import NetworkConfig
from collsim.program import Send
from collsim.topology import load
from collsim.topology.graph import Link, build
from collsim.units import serialisation_fs

FAMILIES = ("ring5", "torus3x3", "mesh2x3", "hypercube8", "fattree2", "switch4", "full4", "bigraph2x4", "dragonfly1x2x1")
RATES = st.sampled_from([10**9, 3 * 10**9, 16 * 10**9, 25 * 10**9 + 1])
PER_PACKET = ("spray", "least-queued", "valiant", "ugal")
LATENCIES = st.sampled_from([0, 1, 10**5, 150 * 10**6])


@st.composite
def machines(draw):
    if draw(st.booleans()):
        return load(draw(st.sampled_from(FAMILIES)))
    hosts, switches = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    cables = [(hosts + k, hosts + draw(st.integers(0, k - 1))) for k in range(1, switches)]
    cables += [(h, hosts + draw(st.integers(0, switches - 1))) for h in range(hosts)]
    node = st.integers(0, hosts + switches - 1)
    cables += [ends for ends in draw(st.lists(st.tuples(node, node), max_size=6)) if ends[0] != ends[1]]
    links = [Link(*ends, draw(RATES), draw(LATENCIES)) for a, b in cables for ends in ((a, b), (b, a))]
    forwards = [draw(st.booleans()) for _ in range(hosts)] + [True] * switches
    return build("random", hosts, links, switches=switches, forwards=forwards)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "packet_payload": st.sampled_from([256, 1000, 4096]),
        "header": st.sampled_from([0, 16, 300]),
        "switching": st.just("store-and-forward"),
        "router_delay": st.sampled_from([1, 10**7]),
        "virtual_channels": st.integers(2, 6),
        "vc_allocation": st.just("most-room"),
        "flow_control": st.sampled_from(["message", "none"]),
        "arbitration": st.sampled_from(["oldest", "lowest-step"]),
        "nic_scheduler": st.sampled_from(["fifo", "shortest-first", "round-robin", "lockstep"]),
        "ports": st.integers(1, 2),
        "message_overhead": st.sampled_from([1, 10**8]),
        "overhead_mode": st.just("serial"),
        "injection_latency": st.just(10**6),
        "ejection_latency": st.just(10**7),
        "routing": st.sampled_from(["spray", "least-queued", "ecmp", "valiant", "up-star-down-star", "minimal", "ugal"]),
    },
)


def capacity_of(topology, network):
    """Rule 10 once more, in rationals."""

    def capacity(link):
        if network.transport.flow_control == "none":
            return float("inf")
        if network.router.buffer != "auto":
            return network.router.buffer
        packet, rate = network.packet.packet_payload + network.packet.header, int(topology.bandwidth[link])
        ser = serialisation_fs(packet, rate)
        store = network.router.switching == "store-and-forward"
        head = ser if store else max(1, serialisation_fs(network.packet.header, rate))
        time = 2 * int(topology.latency[link]) + network.router.router_delay + head + ser
        return (ceil(Fraction(time * rate, 10**15 * packet)) + 1) * packet

    return capacity


@settings(max_examples=150)
@given(machines(), SETTINGS, st.integers(0, 3), st.data())
def test_every_run_passes_the_audit(topology, chosen, room, data):
    host = st.integers(0, topology.hosts - 1)
    size = st.sampled_from([0, 1, 255, 4096, 5000, 12_000])
    sends = data.draw(st.lists(st.builds(Send, host, host, size, step=st.integers(0, 2)), min_size=1, max_size=20))
    if room:
        chosen = chosen | {"buffer": room * (chosen.get("packet_payload", 4096) + chosen.get("header", 0))}
    if chosen.get("flow_control") == "message" and chosen.get("routing") in PER_PACKET:
        chosen = chosen | {"routing": "auto"}
    audit, network = Audit(), NetworkConfig().with_settings(chosen)
    try:
        result = simulate(topology, *sends, observers=[audit], **chosen)
    except RoutingError:
        reject()
    sizes, ends = [s.size for s in sends], [(s.source, s.target) for s in sends]
    audit.check(topology, network, result, sizes, ends, capacity_of(topology, network))
    assert sum(result.critical_path.values()) == result.time


@pytest.mark.parametrize("routing", ["spray", "least-queued", "ugal", "valiant", "minimal"])
def test_all_pairs_on_a_dragonfly(routing):
    topology = load("dragonfly2x4x2")
    sends = [Send(a, (a * 7 + 3 + k) % 72, 9000) for a in range(72) for k in range(3)]
    audit = Audit()
    result = simulate(topology, *sends, observers=[audit], routing=routing, buffer=8192)
    network = NetworkConfig().with_settings({"routing": routing, "buffer": 8192})
    ends = [(s.source, s.target) for s in sends]
    audit.check(topology, network, result, [9000] * len(sends), ends, capacity_of(topology, network))
