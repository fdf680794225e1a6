"""Rule 27: links that change during a run, by hand, on both engines."""

import pytest
from engines.tiny import ONE, machine, run

from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue, StallError, UsageError
from collsim.program import Compute, Send

PAIR = machine(2, 0, (0, 1, 5))
LINE = machine(2, 1, (0, 2, 5), (2, 1, 5))
ENGINE = pytest.mark.parametrize("engine", ["simpy", "compiled"])


def finish(topology, *operations, engine, **options):
    return run(topology, *operations, engine=engine, **options).message_finish.tolist()


@ENGINE
def test_rule_27_packets_granted_before_keep_their_time(engine):
    # Grants at 0, 10 and, at half the rate, 20 and 40: a change at 15 leaves the packet of 10 alone.
    assert finish(PAIR, Send(0, 1, 40), engine=engine, changes=[(15, 0, ONE // 2)]) == [60 + 5]


@ENGINE
@pytest.mark.parametrize(("time", "end"), [(19, 60), (20, 60), (21, 50)])
def test_rule_27_a_change_counts_from_its_tick_on(engine, time, end):
    assert finish(PAIR, Send(0, 1, 40), engine=engine, changes=[(time, 0, ONE // 2)]) == [end + 5]


@ENGINE
def test_rule_27_nothing_is_granted_while_a_link_is_down(engine):
    # The packet of 10 arrives; those of 20 and 30 go at 100 and 110.
    result = run(PAIR, Send(0, 1, 40), engine=engine, changes=[(15, 0, 0), (100, 0, ONE)])
    assert result.message_finish.tolist() == [120 + 5]
    assert result.link_busy[0] == 40


@ENGINE
def test_rule_27_the_wait_for_a_failed_link_is_link_wait(engine):
    def parts(*operations):
        path = run(PAIR, *operations, engine=engine, changes=[(15, 0, 0), (100, 0, ONE)]).critical_path
        return {part: time for part, time in path.items() if time}

    # The third packet waited for the second one, granted at 10, and then for the link.
    assert parts(Send(0, 1, 40)) == {"serialisation": 10 + 20, "link_wait": 90, "latency": 5}
    # This one came at 50, when nothing was on the link.
    assert parts(Compute(0, 50), Send(0, 1, 10, deps=(0,))) == {
        "compute": 50,
        "link_wait": 50,
        "serialisation": 10,
        "latency": 5,
    }


@ENGINE
def test_rule_27_failing_twice_and_restored_at_another_rate(engine):
    changes = [(5, 0, 0), (20, 0, 0), (50, 0, ONE // 3), (60, 0, 0), (200, 0, ONE)]
    # Grants at 0, 50 (30 long), 200.
    assert finish(PAIR, Send(0, 1, 30), engine=engine, changes=changes) == [215]


@ENGINE
def test_rule_27_down_from_the_first_tick_on(engine):
    assert finish(PAIR, Send(0, 1, 10), engine=engine, changes=[(0, 0, 0), (7, 0, ONE)]) == [7 + 15]


@ENGINE
def test_rule_27_a_restored_link_serves_the_pointer_s_next(engine):
    merge = machine(3, 1, (0, 3, 5), (1, 3, 5), (3, 2, 5))
    # Both packets ask from 6 on; the link comes back at 40 and takes the FIFO of host 0 first.
    assert finish(merge, Send(0, 2, 10), Send(1, 2, 10), engine=engine, changes=[(1, 2, 0), (40, 2, ONE)]) == [55, 65]


@ENGINE
def test_rule_27_underrun_goes_by_the_rate_at_the_grant_before(engine):
    slow_then_fast = machine(2, 1, (0, 2, 5, 2), (2, 1, 5))
    # Granted at 0, tail at 25. At half its rate the second link would start at 25 - 20, so with the head, at 6.
    assert finish(slow_then_fast, Send(0, 1, 10), engine=engine, changes=[(0, 1, ONE // 2)]) == [26 + 5]
    # It was to start at 15, and does so at half the rate from 3 on.
    assert finish(slow_then_fast, Send(0, 1, 10), engine=engine, changes=[(3, 1, ONE // 2)]) == [35 + 5]


@ENGINE
def test_rule_27_a_link_that_became_faster_waits_for_the_tail(engine):
    slow = machine(2, 1, (0, 2, 5, 2), (2, 1, 5, 2))
    # Starts at 6 with the head; at four times the rate it would be done at 11, but the tail comes at 25.
    result = run(slow, Send(0, 1, 10), engine=engine, changes=[(4, 1, 2 * ONE)])
    assert result.message_finish.tolist() == [25 + 5]
    assert result.link_busy[1] == 25 - 6


@ENGINE
def test_rule_27_a_failed_link_bounds_no_start(engine):
    slow_then_fast = machine(2, 1, (0, 2, 5, 2), (2, 1, 5))
    # Down at the grant, so the packet may start with its head at 6; back at 8, it is held until the tail has come.
    result = run(slow_then_fast, Send(0, 1, 10), engine=engine, changes=[(0, 1, 0), (8, 1, ONE)])
    assert result.message_finish.tolist() == [25 + 5]
    assert result.link_busy[1] == 25 - 8


@ENGINE
def test_rule_27_auto_buffers_follow_the_first_rate(engine):
    far = machine(2, 1, (0, 2, 50), (2, 1, 50))
    # Room for a round trip at the first rate does not fill the line at ten times that rate.
    quick = finish(far, Send(0, 1, 400), engine=engine, changes=[(0, 0, 10 * ONE), (0, 1, 10 * ONE)])
    assert quick > finish(far, Send(0, 1, 400), engine=engine, changes=[(0, 0, 10 * ONE), (0, 1, 10 * ONE)], buffer=4000)


@ENGINE
def test_rule_27_a_run_that_waits_for_a_failed_link_says_so(engine):
    words = r"Link n?\w+->\w+ failed at 3 fs and message 1 \(step 0, host 0 to 1\) still waits for it.*restore.*--fail"
    with pytest.raises(StallError, match=words):
        run(LINE, Send(1, 0, 10), Send(0, 1, 40), engine=engine, changes=[(3, 1, 0)])


@ENGINE
def test_rule_27_a_failure_that_nobody_meets_changes_nothing(engine):
    plain = run(PAIR, Send(0, 1, 40), engine=engine)
    late = run(PAIR, Send(0, 1, 40), engine=engine, changes=[(10**9, 0, 0), (3, 1, 0)])
    assert late.time == plain.time
    assert "link_changes" in late.provenance
    assert "link_changes" not in plain.provenance


@ENGINE
@pytest.mark.parametrize(
    ("changes", "words"), [([(3, 0, 0), (3, 0, ONE)], "twice"), ([(3, 9, 0)], "link 9"), ([(3, -1, 0)], "link -1")]
)
def test_rule_27_refuses_changes_without_a_meaning(engine, changes, words):
    with pytest.raises(InvalidValue, match=words):
        run(PAIR, Send(0, 1, 40), engine=engine, changes=changes)


def test_rule_27_the_analytic_engine_refuses_changes():
    with pytest.raises(UsageError, match="compiled or simpy"):
        run(PAIR, Send(0, 1, 40), engine="analytic", changes=[(3, 0, 0)])
    assert "analytic" in ENGINES
