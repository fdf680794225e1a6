"""Crossings: when each message held each link, the same from both packet engines, and adding up to what results say."""

import numpy as np
import pytest
from engines.test_compiled_agrees import crowd
from engines.train_cases import draw_train

from collsim.crossings import Crossings, Recorder, crossings_of
from collsim.engines.compiled import engine as packets
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.program import Program, Send, single_call
from collsim.simulate import prepare
from collsim.topology import load

COLUMNS = Crossings.__slots__


def recorded(name, topology, program, network, seed=0, **more):
    keep = Recorder()
    return keep.found, ENGINES.get(name)(topology, program, network, seed=seed, observers=[keep], **more), keep


def both(topology, program, seed=0, changes=(), **settings):
    """Return the crossings of the compiled engine, held against the reference's and against the result."""
    network, more = NetworkConfig().with_settings(settings), {"changes": changes} if changes else {}
    found = {}
    for name in ("simpy", "compiled"):
        _, result, keep = recorded(name, topology, program, network, seed, **more)
        found[name] = keep.found
        busy = np.bincount(keep.found.link, keep.found.busy.astype(np.float64), topology.links)
        np.testing.assert_array_equal(busy.astype(np.int64), result.link_busy)
        assert keep.found.packets.sum() == result.packet_hops
        assert (keep.found.end - keep.found.first >= keep.found.busy).all()
    for column in COLUMNS:
        one, other = (getattr(each, column) for each in found.values())
        np.testing.assert_array_equal(one, other, err_msg=column)
    return found["compiled"], result


def test_one_message_over_a_switch_by_hand():
    # The worked example of docs/network-model.md, whose grants are printed there.
    found, _ = both(load("switch3"), Program((Send(0, 2, 10_000), Send(1, 2, 4_096))))
    into = load("switch3").links_between(3, 2)[0]
    rows = {(m, link): (a, b) for m, link, a, b in zip(found.message, found.link, found.first, found.end, strict=True)}
    assert rows[0, into] == (150_000_001, 1_031_000_001)
    assert rows[1, into] == (406_000_001, 662_000_001)


@pytest.mark.parametrize("algorithm, machine", [("ring", "ring6"), ("multitree", "torus4x4"), ("hierarchical", "nvl4x2x2")])
def test_whole_programs_of_trains(algorithm, machine):
    case = prepare(machine)
    plan, _ = case.plan(algorithm, 300_001)
    found, result = both(case.topology, single_call(plan, 300_001))
    assert len(found) >= plan.transfers
    np.testing.assert_array_equal(
        np.minimum.reduceat(found.first, np.flatnonzero(np.diff(found.message, prepend=-1))),
        result.message_started[np.unique(found.message)],
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"flow_control": "message", "header": 64},
        {"routing": "spray", "nic_scheduler": "round-robin", "ports": 1},
        {"routing": "ecmp", "vc_allocation": "most-room", "virtual_channels": 3, "switching": "store-and-forward"},
        {"loss": 0.05, "recovery": "go-back-n", "retransmit_timeout": "20us"},
        {"loss": 0.05, "delivery": "in-order"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())) or "defaults",
)
def test_messages_that_meet(settings):
    found, _ = both(load("torus4x4"), crowd(16, 20_000), seed=3, **settings)
    assert (found.end - found.first > found.busy).any()


def test_links_that_change():
    topology = load("torus3x3")
    at = [LinkChange(10**9, 0, 0), LinkChange(3 * 10**9, 0, 32 * 10**9), LinkChange(2 * 10**9, 5, 10**9)]
    both(topology, crowd(9, 60_000), changes=at, switching="cut-through")
    # What a link loses has crossed it, at the rate that a change of its loss leaves alone.
    _, result = both(topology, crowd(9, 60_000))
    busy = int(np.argmax(result.link_busy))
    lossy = [(10**9, None, 10**9), (3 * 10**9, 32 * 10**9, None), (9 * 10**9, None, 0)]
    _, result = both(topology, crowd(9, 60_000), changes=[LinkChange(time, busy, *what) for time, *what in lossy])
    assert result.packets_lost > 0


def test_random_cases():
    cases = [case for case in map(draw_train, range(60)) if case is not None]
    assert len(cases) > 20
    for case in cases:
        both(case.machine.topology, case.program(), case.seed, **case.settings)


def test_a_run_too_long_for_the_log_tells_none():
    told = []
    topology, program, network = load("torus4x4"), crowd(16, 60_000), NetworkConfig().with_settings({"packet_payload": 256})
    packets.simulate(topology, program, network, 0, log_limit=3000, told=[told.append])
    assert told == []


def test_a_run_in_which_nothing_is_sent():
    found, _ = both(load("ring4"), Program((Send(1, 1, 500),)))
    assert len(found) == 0
    assert len(crossings_of(*[np.zeros(0, dtype=np.int64)] * 4)) == 0


def test_the_analytic_engine_tells_none():
    _, _, keep = recorded("analytic", load("ring4"), Program((Send(0, 1, 500),)), NetworkConfig())
    assert keep.found is None
