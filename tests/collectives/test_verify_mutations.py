"""Broken schedules: the proof, in both methods, and the slow oracle give the same verdict on every one of them."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import plans
from oracles.proof import fault

from collsim.collectives.verify import verify
from collsim.errors import ScheduleError

PLANS = plans.plans()


def verdict(plan, topology, method):
    try:
        verify(plan, topology, method=method)
    except ScheduleError:
        return False
    return True


def agree(plan, topology):
    """Return whether the schedule is right, after comparing both methods with the oracle."""
    right = fault(plan, topology) is None
    for method in ("exact", "fingerprint"):
        assert verdict(plan, topology, method) == right, (fault(plan, topology), method, plans.rows_of(plan))
    return right


@pytest.mark.parametrize("case", range(len(PLANS)))
def test_every_dropped_transfer_is_caught(case):
    plan, topology = PLANS[case]
    for t in range(plan.transfers):
        assert not agree(plans.with_rows(plan, plans.without(plans.rows_of(plan), t)), topology)


@pytest.mark.parametrize("case", range(len(PLANS)))
def test_every_dropped_dependency_is_caught_unless_a_chain_replaces_it(case):
    plan, topology = PLANS[case]
    for t, d in product(range(plan.transfers), repeat=2):
        rows = plans.rows_of(plan)
        if d in rows[t]["deps"]:
            rows[t]["deps"].remove(d)
            agree(plans.with_rows(plan, rows), topology)


@pytest.mark.parametrize("case", range(len(PLANS)))
def test_every_duplicate_is_judged_like_the_oracle(case):
    plan, topology = PLANS[case]
    rows = plans.rows_of(plan)
    reducing = [t for t, row in enumerate(rows) if row["op"] == 1]
    for t in range(plan.transfers):
        right = agree(plans.with_rows(plan, [*rows, dict(rows[t])]), topology)
        assert not right or t not in reducing


CHANGES = ("drop", "double", "op", "step", "swap-steps", "undepend", "depend", "chunk", "count", "rank", "reverse", "path")


def change(draw, plan, rows, topology):
    kind, t = draw(st.sampled_from(CHANGES)), draw(st.integers(0, len(rows) - 1))
    row, other = rows[t], draw(st.integers(0, len(rows) - 1))
    if kind == "drop" and len(rows) > 1:
        return plans.without(rows, t)
    if kind == "double":
        return [*rows, row | {"step": row["step"] + draw(st.integers(0, 1)), "deps": list(row["deps"])}]
    if kind == "op":
        row["op"] = 1 - row["op"]
    elif kind == "step":
        row["step"] = draw(st.integers(0, plan.steps))
    elif kind == "swap-steps":
        row["step"], rows[other]["step"] = rows[other]["step"], row["step"]
    elif kind == "undepend" and row["deps"]:
        row["deps"].pop(draw(st.integers(0, len(row["deps"]) - 1)))
    elif kind == "depend":
        row["deps"] = sorted({*row["deps"], other})
    elif kind == "chunk":
        row["chunk"] = draw(st.integers(0, plan.chunks - 1))
    elif kind == "count":
        row["count"] = draw(st.integers(1, plan.chunks))
    elif kind == "rank":
        row[draw(st.sampled_from(("src", "dst")))] = draw(st.integers(0, plan.ranks - 1))
    elif kind == "reverse":
        row["src"], row["dst"] = row["dst"], row["src"]
    elif kind == "path":
        row["path"] = draw(st.lists(st.integers(0, topology.links - 1), max_size=3))
    return rows


@settings(max_examples=400)
@given(data=st.data())
def test_random_changes_are_judged_like_the_oracle(data):
    plan, topology = data.draw(st.sampled_from(PLANS))
    rows = plans.rows_of(plan)
    for _ in range(data.draw(st.integers(1, 3))):
        rows = change(data.draw, plan, rows, topology)
    agree(plans.with_rows(plan, rows), topology)
