"""The compiled replays of fingerprints against the plain one, on right schedules, changed ones and larger ones."""

import random
from itertools import chain

import numpy as np
import pytest
from oracles import plans

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.demand import ALL, demand
from collsim.collectives.replay import _replay_compiled, fingerprint, replay
from collsim.collectives.replay_runs import pays, replay_by_runs
from collsim.collectives.verify import verify
from collsim.errors import ScheduleError
from collsim.topology import load

PLANS = [plan for plan, _ in plans.plans()]


def outcome(plan, compiled):
    """Return what a replay gives: values and needs, or the words of its refusal."""
    try:
        values, needs = replay(plan, demand(plan), fingerprint(plan.ranks, 7), compiled=compiled)
    except ScheduleError as refusal:
        return str(refusal), None
    return values.tolist(), needs.tolist()


def changed(plan, draw):
    """Return the plan with one transfer's step, chunk, count, ends or operation drawn anew, or twice there."""
    rows = plans.rows_of(plan)
    row = rows[draw.randrange(len(rows))]
    limits = {"step": plan.steps + 1, "chunk": plan.chunks, "src": plan.ranks, "dst": plan.ranks, "op": 2}
    what = draw.choice([*limits, "count", "twice"])
    if what == "twice":
        rows.append(dict(row))
    else:
        row[what] = draw.randint(1, plan.chunks) if what == "count" else draw.randrange(limits[what])
    return plans.with_rows(plan, rows)


def test_the_same_values_needs_and_refusals():
    draw = random.Random(1)
    verdicts = []
    for right in PLANS:
        for plan in chain([right], (changed(right, draw) for _ in range(40))):
            fast = outcome(plan, True)
            assert fast == outcome(plan, False)
            # Where plain replay refuses the kernel must, and nowhere else: it then never runs in vain.
            went_well = _replay_compiled(plan, demand(plan), fingerprint(plan.ranks, 7)) is not None
            assert went_well == (fast[1] is not None)
            verdicts.append(went_well)
    assert min(verdicts.count(True), verdicts.count(False)) > len(PLANS)


@pytest.mark.parametrize("name", ["ring", "halving-doubling", "2d-ring", "direct", "multitree"])
def test_the_same_on_larger_schedules(name):
    for operation in ("all-reduce", "all-gather"):
        plan = ALGORITHMS.get(name).schedule(load("torus8x8"), collective(operation))
        assert outcome(plan, True) == outcome(plan, False)


def plain_ends(plan):
    """Return what plain replay says of `replay_by_runs`: (needs, first wrong cell), None where it refuses."""
    wanted, algebra = demand(plan), fingerprint(plan.ranks, 7)
    try:
        values, needs = replay(plan, wanted, algebra, compiled=False)
    except ScheduleError:
        return None
    expected = np.where((wanted.wanted == ALL)[:, None], algebra.sum(algebra.leaf), algebra.leaf[wanted.wanted])
    wrong = np.argwhere(wanted.ends & (values.reshape(plan.ranks, plan.chunks, 2) != expected).any(axis=2))
    return needs.tolist(), tuple(wrong[0].tolist()) if len(wrong) else None


def test_runs_find_what_cells_find():
    draw = random.Random(2)
    refused = wrong = right = 0
    for good in PLANS:
        for plan in chain([good], (changed(good, draw) for _ in range(40))):
            expected = plain_ends(plan)
            found = replay_by_runs(plan, demand(plan), fingerprint(plan.ranks, 7))
            assert (found and (found.needs.tolist(), found.wrong)) == expected
            refused += expected is None
            wrong += expected is not None and expected[1] is not None
            right += expected is not None and expected[1] is None
            if expected is None:
                with pytest.raises(ScheduleError, match=r"does not hold|nothing to reduce|both land"):
                    replay_by_runs(plan, demand(plan), fingerprint(plan.ranks, 7), most_cells=0)
    assert min(refused, wrong, right) > len(PLANS)


LARGE = ("ring", "halving-doubling", "2d-ring", "bruck", "direct", "hierarchical", "multitree")
KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")


@pytest.mark.parametrize("name, kind", [(n, k) for n in LARGE for k in KINDS if k in ALGORITHMS.get(n).collectives])
def test_runs_find_what_cells_find_on_larger_schedules(name, kind):
    plan = ALGORITHMS.get(name).schedule(load("torus8x8"), collective(kind))
    found = replay_by_runs(plan, demand(plan), fingerprint(plan.ranks, 7))
    assert (found.needs.tolist(), found.wrong) == plain_ends(plan)


def test_an_all_to_all_needs_no_value_for_every_cell():
    # 200 ranks hold 8 million cells, of which 40,000 are anybody's own: cost follows transfers.
    topology = load("switch200")
    plan = ALGORITHMS.get("direct").schedule(topology, collective("all-to-all"))
    assert pays(plan, demand(plan), fingerprint(plan.ranks, 0))
    assert verify(plan, topology).method == "fingerprint"
    lost = plans.with_rows(plan, plans.rows_of(plan)[:-1])
    with pytest.raises(ScheduleError, match="lacks the contribution of rank 199"):
        verify(lost, topology)
