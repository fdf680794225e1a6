"""Space-time diagrams as numbers: bars are when the engine says, and none lies on another."""

from itertools import pairwise

import numpy as np
import pytest

from collsim.errors import InvalidValue
from collsim.report.spacetime import bars_of_run, bars_of_steps, described, fewer
from collsim.simulate import prepare, simulate


def assert_apart(bars):
    """No two bars of a row overlap both in time and in height, and every one lies within its row."""
    assert (bars.low >= 0).all()
    assert (bars.high <= 1 + 1e-12).all()
    assert (bars.low < bars.high).all()
    for row in range(len(bars.labels)):
        own = np.flatnonzero(bars.row == row)
        for low in np.unique(bars.low[own].round(9)):
            level = own[np.abs(bars.low[own] - low) < 1e-6]
            level = level[np.argsort(bars.start[level])]
            assert all(bars.end[a] <= bars.start[b] for a, b in pairwise(level.tolist()))


def test_links_of_a_run_are_its_crossings():
    outcome = simulate("torus3x3", "multitree", size="64KiB", crossings=True)
    bars = bars_of_run(outcome)
    assert bars.what == "link"
    assert len(bars.row) == len(outcome.crossings)
    assert (bars.end - bars.start).sum() == (outcome.crossings.end - outcome.crossings.first).sum()
    assert bars.labels[0] == outcome.topology.link_name(0)
    assert_apart(bars)


def test_messages_that_take_turns_lie_above_each_other():
    outcome = simulate("switch8", "double-binary-tree", size="256KiB", crossings=True)
    bars = bars_of_run(outcome)
    assert bars.high.min() < 1
    assert_apart(bars)


def test_ranks_of_a_run_send_until_the_last_tail_has_left():
    outcome = simulate("switch4", "ring", size="64KiB", crossings=True)
    bars = bars_of_run(outcome, "ranks")
    first = bars.transfer == 0
    assert bars.labels == ("0", "1", "2", "3")
    assert bars.start[first] == outcome.result.message_started[0]
    assert bars.end[first] < outcome.result.message_finish[0]
    assert_apart(bars)


def test_a_run_that_recorded_nothing_has_ranks():
    outcome = simulate("ring4", "ring", size="64KiB", engine="analytic")
    bars = bars_of_run(outcome)
    assert (bars.what, len(bars.row)) == ("rank", outcome.schedule.transfers)
    with pytest.raises(InvalidValue, match="crossings=True"):
        bars_of_run(outcome, "links")
    with pytest.raises(InvalidValue, match="'rows' are neither"):
        bars_of_run(outcome, "rows")


def test_rows_beyond_a_page_are_counted():
    outcome = simulate("ring8", "ring", size="64KiB", engine="analytic")
    bars = bars_of_run(outcome, most=5)
    assert (len(bars.labels), bars.left_out) == (5, 3)
    assert bars.row.max() == 4


def test_a_schedule_takes_a_step_a_transfer():
    case = prepare("torus3x3")
    plan, _ = case.plan("multitree", 4096)
    bars = bars_of_steps(plan, case.topology)
    assert bars.what == "link"
    assert (bars.start == plan.step[bars.transfer]).all()
    assert (bars.end == bars.start + 1).all()
    assert_apart(bars)
    case = prepare("switch4")
    plan, _ = case.plan("ring", 4096)
    assert bars_of_steps(plan, case.topology).what == "rank"
    with pytest.raises(InvalidValue, match="Routing chooses"):
        bars_of_steps(plan, case.topology, "links")


def test_transfers_in_words():
    plan, _ = prepare("ring4").plan("ring", 4096)
    assert described(plan, 0) == "reduce of chunk 3 from rank 0 to rank 1, step 0"


def test_fewer_bars_are_whole_rows():
    bars = bars_of_run(simulate("ring8", "ring", size="64KiB", engine="analytic"))
    found = fewer(bars, 30)
    assert (len(found.labels), found.left_out, len(found.row)) == (2, 6, 28)
    assert fewer(bars, 5).labels == ("0",)
    assert len(fewer(bars, 5).row) == 5
    assert fewer(bars, len(bars.row)) is bars
