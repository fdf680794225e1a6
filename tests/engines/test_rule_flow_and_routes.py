"""Rules 21 to 25: message-based flow control, routing, and what happens when nothing can move."""

import pytest
from engines.tiny import finish, machine, run

from collsim.errors import InvalidValue, StallError
from collsim.program import Send
from collsim.topology import load

MERGE = machine(3, 2, (0, 3), (1, 3), (3, 4), (4, 2))
"""Hosts 0 and 1 share the link from switch 3 to switch 4 on the way to host 2."""


def test_rule_21_only_packet_1_has_a_header():
    wire = machine(2, 0, (0, 1))
    assert finish(wire, Send(0, 1, 30), header=5, flow_control="message") == [35]
    assert finish(wire, Send(0, 1, 30), header=5) == [45]


def test_rule_21_a_message_keeps_its_channel_to_its_last_packet():
    settings = {"virtual_channels": 1, "buffer": 100}
    sends = (Send(0, 2, 30), Send(1, 2, 30))
    assert finish(MERGE, *sends, flow_control="message", **settings) == [32, 62]
    assert finish(MERGE, *sends, flow_control="credit", **settings) == [52, 62]


def test_rule_21_other_channels_of_the_link_stay_open():
    sends = (Send(0, 2, 30), Send(1, 2, 30))
    both = finish(MERGE, *sends, flow_control="message", virtual_channels=4, buffer=100)
    assert both[0] > 32


@pytest.mark.parametrize("routing", ["spray", "least-queued"])
def test_rule_21_per_packet_routing_is_refused(routing):
    with pytest.raises(InvalidValue, match="flow_control"):
        run(MERGE, Send(0, 2, 30), flow_control="message", routing=routing)


def test_rule_21_no_flow_control_means_endless_buffers():
    far = machine(2, 1, (0, 2, 50), (2, 1, 50))
    assert finish(far, Send(0, 1, 30), buffer=10, flow_control="none") == [51 + 30 + 50]


def test_rule_22_hosts_that_do_not_forward_are_no_way_through():
    # From 0 to 2: through host 1 in two hops, or through two switches in three.
    links = ((0, 1), (1, 2), (0, 3), (3, 4), (4, 2))
    assert run(machine(3, 2, *links), Send(0, 2, 10)).packet_hops == 3
    through = machine(3, 2, *links, forwards=[False, True, False, True, True])
    assert run(through, Send(0, 2, 10)).packet_hops == 2


def test_rule_23_dimension_order_goes_along_the_first_axis_first():
    torus = load("torus4x4")
    result = run(torus, Send(0, 5, 10))
    used = [(int(torus.source[k]), int(torus.target[k])) for k in result.link_bytes.nonzero()[0]]
    assert used == [(0, 4), (4, 5)]


def test_rule_23_wrap_links_do_not_deadlock_with_the_classes_of_the_family():
    for name in ("ring8", "torus7x3"):
        grid = load(name)
        sends = around(grid)
        assert len(finish(grid, *sends, buffer=10)) == len(sends)


def around(grid):
    """Every host sends ten packets three hops along the first axis, all in one direction."""
    width = grid.hosts // (grid.dims[0] if grid.dims else grid.hosts)
    return [Send(host, (host + 3 * width) % grid.hosts, 100) for host in range(grid.hosts)]


def test_rule_24_ecmp_keeps_a_message_together_and_spray_does_not():
    spine = load("leafspine2x2x4")

    def uplinks(routing, seed):
        result = run(spine, Send(0, 3, 400), routing=routing, seed=seed)
        inner = [k for k in range(spine.links) if min(spine.source[k], spine.target[k]) >= spine.hosts]
        return sorted(int(b) for b in result.link_bytes[inner] if b)

    assert uplinks("ecmp", 1) == [400, 400]
    assert uplinks("spray", 1) == [100] * 8


def test_rule_24_draws_depend_on_the_seed_alone():
    spine = load("leafspine2x2x4")
    sends = [Send(0, 3, 400), Send(1, 2, 400)]
    loads = [tuple(run(spine, *sends, routing="ecmp", seed=seed).link_bytes.tolist()) for seed in range(12)]
    again = [tuple(run(spine, *sends, routing="ecmp", seed=seed).link_bytes.tolist()) for seed in range(12)]
    assert loads == again
    assert len(set(loads)) > 1


@pytest.mark.parametrize("name", ["ring8", "torus7x3"])
def test_rule_25_a_real_deadlock_raises_and_names_its_cycle(name):
    grid = load(name)
    with pytest.raises(StallError) as stalled:
        run(grid, *around(grid), virtual_channels=1, buffer=10, allow_deadlock=True)
    cycle = stalled.value.cycle
    assert len(cycle) == grid.dims[0] if grid.dims else 8
    text = str(stalled.value)
    for part in cycle:
        assert part in text
    assert "->" in text
    assert "message" in text
