"""Rules 27, 28 and 30 where losses change during a run: links that drop what they are given, other ways, and none left."""

import pytest
from engines.tiny import ONE, machine, run

from collsim.engines.engine import ENGINES as REGISTERED
from collsim.errors import InvalidValue, StallError
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import FIRST, LinkChange
from collsim.program import Program, Send
from collsim.topology import load

PAIR = machine(2, 0, (0, 1, 5))
DIAMOND = machine(2, 4, (0, 2), (2, 3), (2, 4), (3, 5), (4, 5), (5, 1))
"""Two ways from switch 2 to switch 5: link 1 and link 2."""
ALL = 10**9
ENGINE = pytest.mark.parametrize("engine", ["simpy", "compiled"])


def drops(*links, since=0):
    return [(since, link, None, ALL) for link in links]


def outcome(*arguments, **settings):
    """Return what is wrong with a run, "" where it ends."""
    try:
        run(*arguments, **settings)
    except StallError as error:
        return str(error)
    return ""


@ENGINE
@pytest.mark.parametrize(("time", "end", "lost"), [(29, 65, 1), (30, 65, 1), (31, 45, 0)])
def test_rule_28_the_loss_at_the_tick_of_the_grant_decides(engine, time, end, lost):
    # Grants at 0, 10, 20 and 30. The last one's packet is missed at 45 and known to be at 50.
    result = run(PAIR, Send(0, 1, 40), engine=engine, changes=[(time, 0, None, ALL), (35, 0, None, 0)])
    assert (result.message_finish.tolist(), result.packets_lost, result.packets_repeated) == ([end], lost, lost)
    assert result.link_busy[0] == 40 + 10 * lost
    assert result.critical_path["loss_wait"] == (20 if lost else 0)


@ENGINE
def test_rule_27_a_link_that_drops_takes_packets_at_its_rate(engine):
    # At half the rate from 0 on, all lost: known at 30 and 60, where the link is restored and keeps what it takes.
    changes = [(0, 0, ONE // 2, ALL), (50, 0, ONE, FIRST)]
    result = run(PAIR, Send(0, 1, 10), engine=engine, changes=changes)
    assert result.message_finish.tolist() == [60 + 15]
    assert (result.packets_lost, result.link_busy[0]) == (2, 50)


@ENGINE
def test_rule_27_restoring_brings_back_the_loss_of_the_start(engine):
    plain = run(PAIR, Send(0, 1, 20_000), engine=engine, loss="0.3", seed=4)
    none = run(PAIR, Send(0, 1, 20_000), engine=engine, loss="0.3", seed=4, changes=[(0, 0, None, 0)])
    back = run(PAIR, Send(0, 1, 20_000), engine=engine, loss="0.3", seed=4, changes=[(0, 0, None, 0), (1, 0, None, FIRST)])
    assert none.packets_lost == 0 < plain.packets_lost
    # The packet of tick 0 goes before the loss is back; whatever it drew, all others draw as they did.
    assert abs(back.packets_lost - plain.packets_lost) <= 1


@ENGINE
def test_rule_27_a_loss_changes_no_rate_and_a_rate_no_loss(engine):
    changes = [(0, 0, ONE // 2), (0, 1, 1), (5, 0, None, ALL), (6, 0, ONE), (7, 0, 0), (8, 0, ONE), (100, 0, None, 0)]
    # Granted at 0 at half the rate; the next at 20, lost at the rate of 6, known at 30 + 5 + 5; again at 40, 60, 80 and 100.
    result = run(PAIR, Send(0, 1, 20), engine=engine, changes=changes)
    assert result.message_finish.tolist() == [100 + 15]
    assert result.packets_lost == 4


@ENGINE
@pytest.mark.parametrize("routing", ["spray", "least-queued", "feedback"])
@pytest.mark.parametrize("bad", [1, 2, 3, 4])
def test_rule_30_a_packet_that_was_lost_takes_another_way(engine, routing, bad):
    result = run(DIAMOND, Send(0, 1, 400), engine=engine, routing=routing, changes=drops(bad))
    assert result.packets_lost == result.packets_repeated > 0
    dead = result.link_bytes[bad]
    assert result.link_bytes[5] == 400
    assert dead == 10 * result.packets_lost
    # Spraying sends every other packet into it once, feedback stops when it has learnt, an empty buffer attracts.
    assert dead == 200 if routing == "spray" else dead < 200 if routing == "feedback" else dead >= 200


@ENGINE
def test_rule_30_the_turn_of_spray_goes_on_with_each_attempt(engine):
    # Of ten lone packets by seed some begin with link 1. Those are lost there, and repeated over link 2 at once.
    for seed in range(10):
        result = run(DIAMOND, Send(0, 1, 10), engine=engine, seed=seed, routing="spray", changes=drops(1))
        sound = run(DIAMOND, Send(0, 1, 10), engine=engine, seed=seed, routing="spray")
        first = int(sound.link_bytes[1] > 0)
        assert (result.packets_lost, result.link_bytes[1], result.link_bytes[2]) == (first, 10 * first, 10)


@ENGINE
def test_rule_30_ugal_takes_its_detour_and_its_minimal_way_in_turn(engine):
    # Alone it takes the minimal way, whose one link between groups drops it; the detour needs two of them.
    fly = load("dragonfly2x4x2")
    between = [
        fly.links_between(a, b) for a in range(fly.hosts, fly.hosts + 4) for b in range(fly.hosts + 8, fly.hosts + 12)
    ]
    (bad,) = (links[0] for links in between if links)
    for seed in range(6):
        sound = run(fly, Send(0, 16, 10), engine=engine, seed=seed, routing="ugal")
        assert sound.link_bytes[bad] == 10
        result = run(fly, Send(0, 16, 10), engine=engine, seed=seed, routing="ugal", changes=drops(bad))
        assert (result.packets_lost, result.link_bytes[bad]) == (1, 10)


@ENGINE
def test_rule_30_queues_that_stand_still_do_not_send_packets_into_a_dead_link_for_ever(engine):
    # Host 0 fills the way by switch 6 with packets for host 2, whose link has failed; the other way drops everything.
    shared = machine(4, 4, (0, 4), (3, 4), (4, 5), (4, 6), (5, 7), (6, 7), (7, 1), (6, 2))
    sends, changes = (Send(0, 2, 60), Send(3, 1, 10)), [(0, 7, 0), (0, 2, None, ALL)]
    with pytest.raises(StallError, match=r"the first of them message 0 .*s2->h2 failed at 0 fs"):
        run(shared, *sends, engine=engine, routing="least-queued", changes=changes)
    # Once the link is back all arrive, the second behind the first in one FIFO; the dead way has taken 64 attempts or 65.
    result = run(shared, *sends, engine=engine, routing="least-queued", changes=[*changes, (10**6, 7, ONE)])
    assert result.packets_lost in (64, 65)
    assert result.message_finish.min() > 10**6


@ENGINE
def test_rule_28_a_packet_without_a_way_ends_the_run_when_its_loss_is_known(engine):
    # Granted at 0, missed at 15, known 5 later; the message of the other direction is on its way.
    words = (
        r"clear at 20 fs: packet 0 of message 0 \(step 0, host 0 to 1\) was lost.*not restored: h0->h1 from 0 fs on\. "
        r".*TIME:h0->h1=restore.*--fail 'h0->h1'.*feedback"
    )
    with pytest.raises(StallError, match=words):
        run(PAIR, Send(0, 1, 10), Send(1, 0, 10**6), engine=engine, changes=drops(0))
    with pytest.raises(StallError, match="clear at 77 fs"):
        run(PAIR, Send(0, 1, 10), engine=engine, changes=drops(0), retransmit_timeout=77)


@ENGINE
@pytest.mark.parametrize(
    ("routing", "dead"), [("ecmp", [1]), ("minimal", [2]), ("spray", [1, 2]), ("least-queued", [1, 4]), ("feedback", [2, 3])]
)
@pytest.mark.parametrize("recovery", ["selective-repeat", "go-back-n"])
def test_rule_28_every_way_counts_that_attempts_may_take(engine, routing, dead, recovery):
    # Some seeds hash onto link 1, and all attempts keep to it.
    settings = {"engine": engine, "routing": routing, "changes": drops(*dead), "recovery": recovery}
    words = [outcome(DIAMOND, Send(0, 1, 30), seed=seed, **settings) for seed in range(6)]
    cut = [text for text in words if text]
    assert all("cannot end" in text for text in cut)
    assert all(("and 1 more" in text) == (len(dead) == 2) for text in cut)
    assert cut
    assert ("" in words) == (routing == "ecmp")


@ENGINE
def test_rule_28_a_link_that_will_drop_later_is_a_way_until_then(engine):
    changes = [*drops(1), *drops(2, since=2_000)]
    assert run(DIAMOND, Send(0, 1, 100), engine=engine, routing="spray", changes=changes).packets_lost == 5
    with pytest.raises(StallError, match=r"clear at 2\.\d+ ps.*h?\w*s0->s1 from 0 fs on and 1 more"):
        run(DIAMOND, Send(0, 1, 4000), engine=engine, routing="spray", changes=changes)


@ENGINE
def test_rule_28_a_link_that_is_restored_cuts_nothing_off(engine):
    changes = [*drops(0), (1000, 0, None, ALL), (10_000, 0, ONE, FIRST)]
    result = run(PAIR, Send(0, 1, 10), engine=engine, changes=changes)
    assert result.message_finish.tolist() == [10_015]
    assert result.packets_lost == 500


@ENGINE
def test_rule_28_a_drop_that_nobody_meets_changes_nothing(engine):
    plain = run(PAIR, Send(0, 1, 40), engine=engine)
    late = run(PAIR, Send(0, 1, 40), engine=engine, changes=[*drops(0, since=10**9), *drops(1)])
    assert late.time == plain.time
    assert late.critical_path == plain.critical_path


@ENGINE
def test_rule_28_a_loss_to_come_does_not_go_with_message_based_flow_control(engine):
    words = r"h0->h1 of 'tiny' loses packets from 7 fs on.*flow_control=credit"
    with pytest.raises(InvalidValue, match=words):
        run(PAIR, Send(0, 1, 40), engine=engine, changes=drops(0, since=7), flow_control="message")
    run(PAIR, Send(0, 1, 40), engine=engine, changes=[(7, 0, None, 0)], flow_control="message")


@ENGINE
def test_rule_25_a_stall_names_the_last_tick_in_which_anything_came_about(engine):
    """Credits and changes that were due later move nothing."""
    shared = machine(3, 1, (0, 3, 50), (3, 1, 5), (3, 2, 5))
    # Message 0 crosses until 61 and arrives at 66; its room counts again at 61 + 50. Message 1 waits from 61 on.
    with pytest.raises(StallError, match="stalled at 66 fs"):
        run(shared, Send(0, 1, 10), Send(0, 2, 10), engine=engine, changes=[(0, 2, 0), (500, 1, ONE // 2)])
    # Nothing ever moved.
    with pytest.raises(StallError, match="stalled at 0 fs"):
        run(shared, Send(0, 1, 10), engine=engine, changes=[(0, 0, 0), (500, 1, ONE // 2)])


@ENGINE
def test_one_cable_of_a_fabric_drops_and_every_routing_of_packets_gets_through(engine):
    machine = load("leafspine4x2x2")
    (bad,) = machine.links_between(machine.names.index("leaf0"), machine.names.index("spine0"))
    sends = Program(tuple(Send(a, b, 40_000) for a in range(8) for b in range(8) if a != b))
    changes = [LinkChange(10**9, bad, None, ALL)]
    for routing in ("spray", "least-queued", "feedback"):
        network = NetworkConfig().with_settings({"routing": routing})
        result = REGISTERED.get(engine)(machine, sends, network, changes=changes)
        assert result.packets_lost > 0
        assert result.message_finish.min() > 0
    with pytest.raises(StallError, match="leaf0->spine0 from 1 us on"):
        REGISTERED.get(engine)(machine, sends, NetworkConfig().with_settings({"routing": "ecmp"}), changes=changes)
