"""What message-based flow control (rule 21) saves, counted in flits of 16 B: the numbers of the MULTITREE paper, exactly.

A head flit on every packet costs 25 % at 64 B of payload and 6 % at 256 B; one head flit a message makes 16 flits of 17 per
256 B. At 16 GB/s a flit is a nanosecond, so times are flits.
"""

from fractions import Fraction

import numpy as np
import pytest
from conformance.cases import schedule, topology

from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import Program, Send, single_call

FLIT, NS, LATENCY = 16, 10**6, 150
both_engines = pytest.mark.parametrize("engine", ["simpy", "compiled"])
both_modes = pytest.mark.parametrize("flow_control", ["credit", "message"])


def run(topo, program, engine, flow_control, payload=256, **settings):
    network = {"packet_payload": payload, "header": FLIT, "flow_control": flow_control} | settings
    return ENGINES.get(engine)(topology(topo), program, NetworkConfig().with_settings(network))


@both_engines
@pytest.mark.parametrize(
    "payload, packets, overhead", [(64, 100, Fraction(1, 4)), (128, 7, Fraction(1, 8)), (256, 33, Fraction(1, 16))]
)
def test_a_head_flit_on_every_packet_or_on_the_first(payload, packets, overhead, engine):
    program = Program((Send(0, 1, payload * packets),))
    sent = {mode: int(run("ring8", program, engine, mode, payload).link_bytes.sum()) for mode in ("credit", "message")}
    assert Fraction(sent["credit"], payload * packets) == 1 + overhead
    assert sent["message"] == payload * packets + FLIT


@both_engines
@both_modes
@pytest.mark.parametrize("hops", [1, 2, 4])
@pytest.mark.parametrize("packets", [1, 2, 33])
def test_17_flits_or_16_for_256_bytes_over_any_number_of_hops(hops, packets, flow_control, engine):
    result = run("ring8", Program((Send(0, hops, 256 * packets),)), engine, flow_control, router_delay="2ns")
    flits = 17 * packets if flow_control == "credit" else 16 * packets + 1
    used = result.link_bytes[result.link_bytes > 0]
    assert (used // FLIT).tolist() == [flits] * hops
    # Each link beyond the first costs its latency, the router's two cycles and the head flit, and nothing a packet.
    assert result.time == (flits + hops * LATENCY + (hops - 1) * (2 + 1)) * NS


@both_engines
@both_modes
def test_the_step_of_a_ring(flow_control, engine):
    """17 or 16 flits per 256 B and 152 cycles, 150 of the link and one at each end; 30 steps on 16 nodes."""
    chunk = 256 * 20
    ends = {"injection_latency": "1ns", "ejection_latency": "1ns"}
    program = single_call(schedule("ring", "torus4x4", "all-reduce"), 16 * chunk)
    flits = 17 * 20 if flow_control == "credit" else 16 * 20 + 1
    assert run("torus4x4", program, engine, flow_control, **ends).time == 30 * (flits + 152) * NS


@both_engines
@both_modes
@pytest.mark.parametrize("topo, steps", [("torus4x4", 5), ("mesh4x4", 8)])
def test_multitree_in_lockstep_takes_its_steps(topo, steps, flow_control, engine):
    program = single_call(schedule("multitree", topo, "all-reduce"), 16 * 256 * 50)
    flits = 17 * 50 if flow_control == "credit" else 16 * 50 + 1
    lockstep = {"nic_scheduler": "lockstep", "lockstep_estimate": "oracle"}
    assert run(topo, program, engine, flow_control, **lockstep).time == 2 * steps * (flits + LATENCY) * NS


ALGORITHMS = ("ring", "bidirectional-ring", "double-binary-tree", "2d-ring", "halving-doubling", "direct", "multitree")
CASES = [(a, t) for a in ALGORITHMS for t in ("torus4x4", "fattree4x2") if schedule(a, t, "all-reduce") is not None]


@both_engines
@pytest.mark.parametrize("payload, overhead", [pytest.param(64, 4, marks=pytest.mark.slow), (256, 16)])
@pytest.mark.parametrize("algorithm, topo", CASES)
def test_every_link_saves_a_head_flit_a_packet_but_the_first_of_a_message(algorithm, topo, payload, overhead, engine):
    plan = schedule(algorithm, topo, "all-reduce")
    program = single_call(plan, 16 * 1024)
    packets, messages = (run(topo, program, engine, mode, payload).link_bytes for mode in ("credit", "message"))
    bare = run(topo, program, engine, "credit", payload, header=0).link_bytes
    # Chunks are whole numbers of packets here, so the overhead of packets is the same on every link: 1/4 or 1/16.
    assert np.array_equal(packets - bare, bare // overhead)
    saved = (packets - messages) // FLIT
    crossing = np.zeros_like(saved)
    for message, size in zip(links_of(plan, topo), plan.message_bytes(program.operations[0].size), strict=True):
        crossing[message] += size // payload - 1
    assert np.array_equal(saved, crossing)
    assert messages.sum() < packets.sum()


def links_of(plan, topo):
    """The links that each transfer crosses, seen by sending it alone."""
    hosts, seen = plan.ranks_to_hosts, {}
    for t in range(plan.transfers):
        ends = int(hosts[plan.src[t]]), int(hosts[plan.dst[t]])
        if len(path := plan.path_of(t)):
            yield path
            continue
        if ends not in seen:
            alone = ENGINES.get("compiled")(topology(topo), Program((Send(*ends, 1),)), NetworkConfig())
            seen[ends] = np.flatnonzero(alone.link_bytes)
        yield seen[ends]
