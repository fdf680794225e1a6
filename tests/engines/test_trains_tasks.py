"""Tasks of trains: messages that wait for messages cost what they are, not hosts times as much, and wait as by rule 4."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collsim.engines.compiled.trains.tables import work_of
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import Compute, Program, Send
from collsim.topology import load


def chain(hosts, rounds):
    """One message that goes round and round a ring, each hop waiting for the one before."""
    return Program(tuple(Send(k % hosts, (k + 1) % hosts, 64, (k - 1,) if k else ()) for k in range(hosts * rounds)))


def test_a_chain_of_messages_has_two_tasks_a_message():
    work = work_of(load("ring64"), chain(64, 3), NetworkConfig(), 0)
    assert len(work.trains.task) == 2 * 192
    # The receiving task waits for what its host did a round ago: through 62 operations in which it has no part.
    assert len(work.trains.followers) == 191 + 192 - 63


def test_what_several_come_together_for_on_a_host_with_no_part_is_one_relay():
    sends = tuple(Send(0, k, 64) for k in (1, 2, 3))
    join = Compute(4, 0, (0, 1, 2))
    work = work_of(load("switch8"), Program((*sends, join, Send(4, 0, 64, (3,)))), NetworkConfig(), 0)
    assert len(work.trains.task) == 3 * 2 + 1 + 2 + 1
    relay = work.trains.task[-1]
    assert (relay["operation"], relay["host"], relay["waits"], relay["unfinished"]) == (3, 0, 3, 1)


@st.composite
def programs(draw):
    made = []
    for k in range(draw(st.integers(2, 24))):
        deps = tuple(draw(st.sets(st.integers(0, k - 1), max_size=3))) if k else ()
        a, b = draw(st.integers(0, 5)), draw(st.integers(0, 5))
        if draw(st.booleans()):
            made.append(Compute(a, draw(st.integers(0, 10**8)), deps))
        else:
            made.append(Send(a, b, draw(st.integers(0, 5000)), deps))
    return Program(tuple(made))


@settings(max_examples=60, deadline=None)
@given(program=programs())
def test_engines_agree_on_what_waits_for_what(program):
    machine, network = load("full6"), NetworkConfig()
    ours, theirs = (ENGINES.get(name)(machine, program, network) for name in ("compiled", "simpy"))
    for name in ("time", "operation_finish", "message_ready", "message_finish", "host_exposed", "critical_path"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


@pytest.mark.parametrize("rounds", [1, 4])
def test_a_chain_is_the_same_in_both_engines(rounds):
    machine, network, program = load("ring5"), NetworkConfig(), chain(5, rounds)
    ours, theirs = (ENGINES.get(name)(machine, program, network) for name in ("compiled", "simpy"))
    assert np.array_equal(ours.operation_finish, theirs.operation_finish)
    assert np.array_equal(ours.host_exposed, theirs.host_exposed)
    assert (ours.critical_path, ours.critical_links) == (theirs.critical_path, theirs.critical_links)
