"""One train by itself, against the closed train of network/message_time.py and against packets."""

import random

import pytest
from engines.tiny import ONE
from engines.train_cases import unlike

from collsim.engines.compiled.trains.engine import try_trains
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.network.message_time import lone_message, message_time
from collsim.program import Program, Send
from collsim.topology.graph import Link, build


def line(links):
    """Hosts 0 and 1 joined by switches over `links` (bandwidth, latency), and back over the same."""
    nodes = [0, *range(2, len(links) + 1), 1]
    there = [Link(a, b, *link) for a, b, link in zip(nodes, nodes[1:], links, strict=False)]
    back = [Link(link.target, link.source, link.bandwidth, link.latency) for link in there]
    return build("line", 2, there + back, switches=len(links) - 1)


def drawn(seed):
    rng = random.Random(seed)
    rates = [ONE, ONE // 3, 16 * 10**9, 25 * 10**9 + 1, 400 * 10**9 // 7]
    links = [(rng.choice(rates), rng.choice([0, 1, 150 * 10**6])) for _ in range(rng.randint(1, 6))]
    settings = {
        "packet_payload": rng.choice([1, 7, 256]),
        "header": rng.choice([0, 1, 16, 400]),
        "switching": rng.choice(["cut-through", "store-and-forward"]),
        "router_delay": rng.choice([0, 3, 10**7]),
        "flow_control": rng.choice(["none", "none", "message", "credit"]),
        "buffer": 10**7,
    }
    payload = settings["packet_payload"]
    size = rng.choice([1, payload, payload + 1, 2 * payload, 3 * payload - 1, 40 * payload, 97 * payload + 1])
    return links, size, NetworkConfig().with_settings(settings)


@pytest.mark.parametrize("seed", range(120))
def test_a_message_alone(seed):
    links, size, network = drawn(seed)
    topology, program = line(links), Program((Send(0, 1, size),))
    result = try_trains(topology, program, network)
    train = lone_message(size, links, network)
    assert result.time == message_time(size, links, network)
    assert result.link_busy.tolist() == [*train.serial, *[0] * len(links)]
    assert set(result.link_bytes[: len(links)].tolist()) == {train.wire_bytes}
    assert not unlike(result, ENGINES.get("simpy")(topology, program, network))


@pytest.mark.parametrize("size", [2**28, 2**41])
def test_a_million_packets_and_many_more(size):
    """2^33 packets, one by one, would take minutes in a kernel that Ctrl-C does not reach."""
    links = [(16 * 10**9, 10**6), (25 * 10**9, 0), (16 * 10**9, 10**6)]
    network = NetworkConfig().with_settings({"packet_payload": 256})
    result = try_trains(line(links), Program((Send(0, 1, size),)), network)
    assert result.time == message_time(size, links, network)
    assert result.packets == size // 256
    assert result.link_busy.tolist() == [*lone_message(size, links, network).serial, 0, 0, 0]
    assert sum(result.critical_path.values()) == result.time
