"""Rule 13 is the execution of NIC tables behind switches too, where messages of neighbouring steps may meet.

Where they cannot, under the oracle and any estimate not below the longest step, NICs that know only their tables finish
every message at the engines' time, as on direct networks. With a shorter estimate a message's time depends on others, so
the network is taken from the engine: it tells each NIC when its messages left it and what has come. Whom the NIC sends
what to, and at which tick it begins, then has to follow from its table alone.
"""

from functools import cache

import pytest
from conformance.cases import schedule, topology
from engines.test_lockstep_tables import NETWORKS, Waits, named, network_of, tables_of, timed, told
from oracles.table_nic import Tables

from collsim.engines.engine import ENGINES
from collsim.program import single_call

SWITCHED = ("switch5", "switch8", "fattree2x2", "fattree4x2", "leafspine4x4x2", "bigraph4x4", "bigraph4x8")
STAR_FAT_TREE_BIGRAPH = ("switch8", "fattree4x2", "bigraph4x8")
BY_SETTINGS = ("switch8", "fattree4x2", pytest.param("bigraph4x8", marks=pytest.mark.slow))
SHORT = ("schedule", "0ns", "100ns", "1us", "multitree-isca21")
both_engines = pytest.mark.parametrize("engine", ["simpy", "compiled"])


def longest_step(asked):
    """Return the fs that the longest step takes when all begin it together and nothing meets."""
    ends = {}
    for name, time in told(*asked).items():
        ends[name[4]] = max(ends.get(name[4], 0), time)
    return max(end - ends.get(step - 1, 0) for step, end in ends.items())


@both_engines
@pytest.mark.parametrize("topo", SWITCHED)
def test_steps_that_do_not_overlap(topo, engine):
    exact = (topo, "all-reduce", 50_001, "oracle", NETWORKS["defaults"])
    assert timed(*exact, engine) == told(*exact)
    for estimate in (longest_step(exact), 2 * longest_step(exact)):
        asked = (topo, "all-reduce", 50_001, f"{estimate}fs", NETWORKS["defaults"])
        assert timed(*asked, engine) == told(*asked)


@both_engines
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("topo", ["switch8", "fattree4x2", "bigraph4x4"])
def test_steps_that_do_not_overlap_under_other_settings(topo, name, engine):
    exact = (topo, "all-reduce", 30_000, "oracle", NETWORKS[name])
    assert timed(*exact, engine) == told(*exact)
    asked = (topo, "all-reduce", 30_000, f"{longest_step(exact)}fs", NETWORKS[name])
    assert timed(*asked, engine) == told(*asked)


@both_engines
@pytest.mark.parametrize("operation", ["reduce-scatter", "all-gather"])
def test_one_phase_behind_switches(operation, engine):
    exact = ("fattree4x2", operation, 30_000, "oracle", NETWORKS["messages"])
    assert timed(*exact, engine) == told(*exact)


class Departures:
    """An observer that keeps when the last packet of each message has left its NIC."""

    def __init__(self):
        self.left, self.first = {}, {}

    def on_grant(self, link, message, packet, time, *, channel, size, end, final):
        if self.first.setdefault(message, link) == link:
            self.left[message] = end


@cache
def watched(topo, size, estimate, name):
    """Return {message: (first packet, left, complete)} of a run of the SimPy engine, fs."""
    plan, seen = schedule("multitree", topo, "all-reduce"), Departures()
    run = ENGINES.get("simpy")
    result = run(topology(topo), single_call(plan, size), network_of(estimate, NETWORKS[name]), observers=(seen,))
    left = [seen.left[message] for message in range(plan.transfers)]
    times = zip(result.message_started.tolist(), left, result.message_finish.tolist(), strict=True)
    return dict(zip(named(plan), times, strict=True))


def issued(topo, size, estimate, name, changed=None):
    """Return {message: fs at which its NIC begins it} as the tables say, given when messages left and what has come."""
    seen = watched(topo, size, estimate, name) | (changed or {})

    def message(rank, target, entry, k):
        _, left, complete = seen[rank, target, entry.opcode, entry.flow, entry.step]
        return left - nics.now, complete - nics.now

    made = tables_of(topo, "all-reduce", size)
    waits = Waits(made, estimate, NETWORKS[name])
    nics = Tables(made, message, waits.__getitem__, ready_after=waits.before)
    nics.run()
    return nics.issued


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("estimate", SHORT)
@pytest.mark.parametrize("topo", BY_SETTINGS)
def test_every_message_begins_when_the_table_says(topo, estimate, name):
    seen = watched(topo, 50_001, estimate, name)
    assert {key: first for key, (first, _, _) in seen.items()} == issued(topo, 50_001, estimate, name)


@pytest.mark.parametrize("estimate", SHORT)
@pytest.mark.parametrize("topo", STAR_FAT_TREE_BIGRAPH)
def test_both_engines_begin_every_message_there(topo, estimate):
    plan = schedule("multitree", topo, "all-reduce")
    result = ENGINES.get("compiled")(topology(topo), single_call(plan, 50_001), network_of(estimate, NETWORKS["defaults"]))
    found = dict(zip(named(plan), result.message_started.tolist(), strict=True))
    assert found == issued(topo, 50_001, estimate, "defaults")


@pytest.mark.parametrize("topo", STAR_FAT_TREE_BIGRAPH)
def test_messages_do_meet_with_short_estimates(topo):
    """What the network told above is no lone message's time: else the first test would have been enough."""
    asked = (topo, "all-reduce", 50_001, "0ns", NETWORKS["defaults"])
    assert {key: complete for key, (_, _, complete) in watched(topo, 50_001, "0ns", "defaults").items()} != told(*asked)


def test_a_network_that_tells_another_time_makes_nics_begin_at_another():
    seen = watched("fattree4x2", 50_001, "0ns", "defaults")
    first = min(seen, key=lambda key: seen[key][2])
    start, left, complete = seen[first]
    late = {first: (start, left, complete + 10**9)}
    with pytest.raises(AssertionError, match="before its NIC issued it"):
        issued("fattree4x2", 50_001, "0ns", "defaults", late)
