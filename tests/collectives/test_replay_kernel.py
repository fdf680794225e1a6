"""The compiled replay of fingerprints against the plain one, on right schedules, changed ones and larger ones."""

import random
from itertools import chain

import pytest
from oracles import plans

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.demand import demand
from collsim.collectives.replay import _replay_compiled, fingerprint, replay
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
