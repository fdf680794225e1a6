"""The engine against the same rules written as predicates and asked at every tick: every single grant must agree."""

import random

import pytest
from engines.reference_cases import simulate
from oracles.ticks import Message, Ticks

from collsim.errors import RoutingError
from collsim.network.config import NetworkConfig
from collsim.program import Compute, Send
from collsim.topology import load
from collsim.topology.graph import Link, build

PER_PACKET = ("spray", "least-queued", "valiant", "ugal")
FIELDS = {
    "header": [0, 1, 3],
    "switching": ["cut-through", "store-and-forward"],
    "router_delay": [0, 0, 1, 3],
    "virtual_channels": ["auto", "auto", 2, 3, 5],
    "vc_allocation": ["static", "most-room"],
    "flow_control": ["credit", "credit", "message", "none"],
    "arbitration": ["round-robin", "round-robin", "oldest", "lowest-step"],
    "nic_scheduler": ["fifo", "lowest-step", "shortest-first", "round-robin"],
    "ports": [0, 0, 1, 2],
    "routing": ["auto", "ecmp", "minimal", "up-star-down-star", *PER_PACKET],
    "buffer": [7, 8, 14, 20],
}
FAMILIES = ("ring4", "ring6", "torus3x3", "mesh2x3", "hypercube8", "dragonfly1x2x1", "fattree2", "bigraph2x4")


def machine(rng):
    """A family or a random graph, on which a byte takes 1 to 3 fs and a link has 0 to 6 fs of latency."""
    if rng.random() < 0.4:
        base = load(rng.choice(FAMILIES))
        links = [Link(int(a), int(b), *speed(rng)) for a, b in zip(base.source, base.target, strict=True)]
        shape = {"family": base.family, "dims": base.dims, "parameters": base.parameters, "levels": base.levels}
        return build(base.name, base.hosts, links, switches=base.switches, forwards=base.forwards.tolist(), **shape)
    hosts, switches = rng.randint(2, 5), rng.randint(1, 4)
    cables = [(hosts + k, hosts + rng.randrange(k)) for k in range(1, switches)]
    cables += [(h, hosts + rng.randrange(switches)) for h in range(hosts)]
    extra = [(rng.randrange(hosts + switches), rng.randrange(hosts + switches)) for _ in range(rng.randint(0, 6))]
    cables += [ends for ends in extra if ends[0] != ends[1]]
    links = [Link(*ends, *speed(rng)) for a, b in cables for ends in ((a, b), (b, a))]
    forwards = [rng.random() < 0.5 for _ in range(hosts)] + [True] * switches
    return build("random", hosts, links, switches=switches, forwards=forwards)


def speed(rng):
    return 10**15 // rng.choice([1, 1, 2, 3]), rng.randint(0, 6)


class Grants:
    def __init__(self):
        self.seen = []

    def on_grant(self, link, message, packet, time, *, channel, **_):
        self.seen.append((link, time, message, packet, channel))


def agree(rng):
    """Run one random case both ways; False where its settings are refused for its machine."""
    topology, chosen = machine(rng), {key: rng.choice(values) for key, values in FIELDS.items()} | {"packet_payload": 4}
    if chosen["flow_control"] == "message" and chosen["routing"] in PER_PACKET:
        chosen["routing"] = "auto"
    operations, messages = [], []
    for k in range(rng.randint(3, 16)):
        source, target, size, step = (rng.randrange(n) for n in (topology.hosts, topology.hosts, 26, 3))
        start = rng.choice([0, 0, rng.randint(0, 20)])
        messages.append(Message(k, source, target, size, step, start, call=2 * k + 1))
        operations += [Compute(source, start), Send(source, target, size, deps=(2 * k,), step=step)]
    watch, network = Grants(), NetworkConfig().with_settings(chosen)
    try:
        simulate(topology, *operations, observers=[watch], **chosen)
    except RoutingError:
        return False
    room = 2**62 if chosen["flow_control"] == "none" else chosen["buffer"]
    assert sorted(watch.seen) == Ticks(topology, network, messages, lambda _: room).run()
    return True


@pytest.mark.parametrize("seed", range(10))
def test_every_grant_agrees_with_the_rules_asked_tick_by_tick(seed):
    rng = random.Random(seed)
    assert sum(agree(rng) for _ in range(15)) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_thousand_cases_agree(part):
    rng = random.Random(f"thousands {part}")
    assert sum(agree(rng) for _ in range(260)) >= 160
