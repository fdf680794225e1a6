"""Rules 28 to 32: packets that links lose, how senders learn and what they do, delivery in order, feedback about paths."""

from itertools import product

import numpy as np
import pytest
from engines.tiny import finish, machine, run

from collsim.engines.compiled.engine import simulate
from collsim.errors import CollsimError, InvalidValue
from collsim.network.config import NetworkConfig
from collsim.network.loss import is_lost
from collsim.program import Program, Send
from collsim.topology import load
from collsim.topology.graph import Link, build

ENGINES = pytest.mark.parametrize("engine", ["simpy", "compiled"])
LINE = machine(2, 1, (0, 2, 5), (2, 1, 7))
"""Host 0 over link 0 to switch 2, over link 1 to host 1; the way back takes 12 fs as well."""
P = 0.1
WORD = int(P * 10**9) * 2**64 // 10**9


def seed_that_loses(*wanted, packets=6, links=(0, 1), attempts=3):
    """The least seed at which exactly these (packet, attempt, link) of message 0 are lost, of all that a test may draw."""
    draws = list(product(range(packets), range(attempts), links))
    for seed in range(100_000):
        if all(is_lost(WORD, seed, (0, 0), draw[:2], draw[2]) == (draw in wanted) for draw in draws):
            return seed
    raise AssertionError(f"no seed loses just {wanted}")


def lossy(size, *wanted, engine, topology=LINE, **settings):
    seed = seed_that_loses(*wanted, packets=-(-size // 10), attempts=3)
    return run(topology, Send(0, 1, size), engine=engine, seed=seed, loss=P, **settings)


@ENGINES
def test_rule_28_a_lost_packet_holds_its_link_and_no_buffer(engine):
    # Three packets at 0, 10 and 20; room for one. The first is lost on link 0, so the second need not wait for its room.
    result = lossy(30, (0, 0, 0), engine=engine, buffer=10)
    # Packet 1 at 10 and 16, its room is back at 26 + 5; packet 2 at 31 and 37, its room is back at 52; so packet 0 goes at
    # 52 and 58, and its tail arrives at 58 + 10 + 7.
    assert result.message_finish.tolist() == [75]
    assert result.link_bytes.tolist()[:2] == [40, 30]
    assert result.link_busy.tolist()[:2] == [40, 30]
    assert (result.packets_lost, result.packets_repeated, result.packets) == (1, 1, 3)


@ENGINES
def test_rule_28_draws_differ_by_attempt_and_link(engine):
    assert lossy(10, (0, 0, 0), (0, 1, 1), engine=engine).packets_lost == 2
    assert lossy(10, engine=engine).message_finish.tolist() == [23]


@ENGINES
def test_rule_28_a_link_that_states_its_loss_has_that_one(engine):
    links = [Link(0, 2, 10**15, 5), Link(2, 1, 10**15, 7, 500_000_000), Link(1, 2, 10**15, 0), Link(2, 0, 10**15, 0)]
    half = build("half", 2, links, switches=1)
    result = run(half, Send(0, 1, 20_000), engine=engine)
    assert result.packets == 2000
    # Each packet is lost by link 1 with one half: 2,000 repeats, +- 4 standard deviations of sqrt(2000 p) / (1 - p).
    assert abs(result.packets_lost - 2000) < 4 * 63.3
    assert result.link_bytes[1] == 10 * (2000 + result.packets_repeated)


@ENGINES
def test_rule_29_the_sender_knows_when_the_packet_would_have_arrived_and_the_notice_is_back(engine):
    # Lost on link 0, its tail would be at the switch at 15 and at host 1 at 22; the notice takes 12: sent again at 34,
    # on link 1 at 40, there at 57. Packets 1 and 2 arrive at 33 and 43.
    assert lossy(30, (0, 0, 0), engine=engine).message_finish.tolist() == [57]
    # Lost on link 1, granted at 6: the tail would be there at 23, the notice at 35.
    assert lossy(30, (0, 0, 1), engine=engine).message_finish.tolist() == [35 + 6 + 17]
    # The last packet is missed like any other: granted at 20, lost at 35, missed at 42, known at 54.
    assert lossy(30, (2, 0, 0), engine=engine).message_finish.tolist() == [54 + 6 + 17]


@ENGINES
@pytest.mark.parametrize(("timeout", "again"), [(0, 30), (15, 30), (29, 30), (34, 34), (100, 100)])
def test_rule_29_a_timer_runs_from_the_grant_and_never_before_the_loss(engine, timeout, again):
    # Lost at 15; link 0 is busy until 30.
    result = lossy(30, (0, 0, 0), engine=engine, retransmit_timeout=timeout)
    assert result.message_finish.tolist() == [again + 6 + 17]


@ENGINES
def test_rule_30_selective_repeat_sends_the_lost_packet_before_the_fresh_ones(engine):
    # Known at 34, while packet 3 holds link 0; then packet 0 goes at 40, 4 at 50, 5 at 60.
    result = lossy(60, (0, 0, 0), engine=engine)
    assert result.message_finish.tolist() == [66 + 10 + 7]
    assert result.packets_repeated == 1


@ENGINES
def test_rule_30_go_back_n_sends_all_from_the_lost_packet_on(engine):
    result = lossy(30, (0, 0, 0), engine=engine, recovery="go-back-n")
    # At 34 it goes back: packets 0, 1 and 2 at 34, 44 and 54, the last on link 1 at 60.
    assert result.message_finish.tolist() == [77]
    assert (result.packets_lost, result.packets_discarded, result.packets_repeated) == (1, 2, 3)
    # A loss of packet 1, known at 44, spares packet 0; 1 and 2 go at 44 and 54.
    result = lossy(30, (1, 0, 0), engine=engine, recovery="go-back-n")
    assert result.message_finish.tolist() == [77]
    assert (result.packets_lost, result.packets_discarded, result.packets_repeated) == (1, 1, 2)


@ENGINES
def test_rule_30_a_packet_that_is_under_way_again_is_not_sent_once_more(engine):
    # 0 and 1 are lost; going back to 0 at 34 sends 1 again as well, so the notice of its loss, at 44, changes nothing:
    # packet 3, granted at 30, stands, then 0, 1, 2, 3 go at 40, 50, 60, 70.
    result = lossy(40, (0, 0, 0), (1, 0, 0), engine=engine, recovery="go-back-n")
    assert result.message_finish.tolist() == [76 + 17]
    assert result.packets_repeated == 4


@ENGINES
def test_rule_30_a_message_with_repeats_joins_its_queue_at_the_back(engine):
    # Message 0 is out of its queue when its loss is known at 44; under fifo it waits behind message 1, which joined at 0
    # and is sent from 30 to 130.
    ours = [((0, 0), (k, a), link) for k, a, link in product(range(3), range(2), (0, 1))]
    others = [((1, 0), (k, 0), link) for k, link in product(range(10), (0, 1))]
    seed = next(s for s in range(100_000) if [d for d in ours + others if is_lost(WORD, s, *d)] == [((0, 0), (1, 0), 0)])
    sends = Send(0, 1, 30), Send(0, 1, 100)
    result = run(LINE, *sends, engine=engine, seed=seed, loss=P, nic_scheduler="fifo")
    assert result.message_finish.tolist() == [130 + 6 + 17, 120 + 6 + 17]
    # Round-robin takes turns again: 20 and the notice at 54, behind one packet of message 1.
    result = run(LINE, *sends, engine=engine, seed=seed, loss=P, nic_scheduler="round-robin")
    assert result.message_finish[0] < 130


@ENGINES
def test_rule_31_bytes_wait_for_earlier_ones_of_their_message(engine):
    result = lossy(30, (0, 0, 0), engine=engine, delivery="in-order")
    assert result.reorder_peak.tolist() == [0, 20]
    assert result.message_finish.tolist() == lossy(30, (0, 0, 0), engine=engine).message_finish.tolist()
    assert lossy(30, (0, 0, 0), engine=engine).reorder_peak.tolist() == [0, 0]
    # The last packet carries 5 bytes; of packets 1 to 3 it and two others wait.
    assert lossy(35, (0, 0, 0), engine=engine, delivery="in-order").reorder_peak.tolist() == [0, 25]
    both = lossy(30, (0, 0, 0), engine=engine, delivery="in-order", recovery="go-back-n")
    assert both.reorder_peak.tolist() == [0, 0]


DIAMOND = machine(2, 4, (0, 2), (2, 3), (2, 4), (3, 5), (4, 5), (5, 1))
SLOW = machine(2, 4, (0, 2), (2, 3), (2, 4, 0, 10), (3, 5), (4, 5), (5, 1))
"""Two ways from switch 2 to switch 5; over SLOW's second one a byte takes 10 fs."""


@ENGINES
def test_rule_31_spraying_reorders(engine):
    far = machine(2, 4, (0, 2), (2, 3), (2, 4, 25), (3, 5), (4, 5), (5, 1))
    sprayed = run(far, Send(0, 1, 60), engine=engine, routing="spray", delivery="in-order")
    # Every other packet takes 25 fs more and is overtaken by the next one, 10 fs behind it, but not by the third.
    assert sprayed.reorder_peak.tolist() == [0, 10]
    assert run(DIAMOND, Send(0, 1, 60), engine=engine, routing="spray", delivery="in-order").reorder_peak.tolist() == [0, 0]


@ENGINES
def test_rule_32_a_host_sends_where_least_is_out(engine):
    # With no receipt back yet every packet counts for its serialisation, so the two ways are used in turn.
    even = run(DIAMOND, Send(0, 1, 40), engine=engine, routing="feedback")
    assert even.link_bytes.tolist()[1:3] == [20, 20]
    # Receipts tell that the second way takes longer; a small buffer lets them come before all is sent.
    uneven = run(SLOW, Send(0, 1, 4000), engine=engine, routing="feedback", buffer=20)
    sprayed = run(SLOW, Send(0, 1, 4000), engine=engine, routing="spray", buffer=20)
    assert sprayed.link_bytes.tolist()[1:3] == [2000, 2000]
    assert uneven.link_bytes[2] < 400
    assert uneven.time < sprayed.time / 3


@ENGINES
def test_rule_32_losses_drive_a_host_away_from_a_path(engine):
    loss = np.zeros(DIAMOND.links, dtype=np.int64)
    loss[2] = 500_000_000
    links = [
        Link(*map(int, row))
        for row in zip(DIAMOND.source, DIAMOND.target, DIAMOND.bandwidth, DIAMOND.latency, loss, strict=True)
    ]
    bad = build("one bad way", 2, links, switches=4)
    blind = run(bad, Send(0, 1, 4000), engine=engine, routing="spray")
    avoiding = run(bad, Send(0, 1, 4000), engine=engine, routing="feedback")
    assert avoiding.packets_lost < blind.packets_lost / 3
    assert avoiding.link_bytes[2] < avoiding.link_bytes[1] / 3


@pytest.mark.parametrize("rate", ["1", "1.0", "100%", "-0.1", "2", "1e-10", "often"])
def test_rule_28_a_loss_rate_outside_0_to_below_1_is_refused(rate):
    with pytest.raises(CollsimError, match="loss"):
        run(LINE, Send(0, 1, 30), loss=rate)


@ENGINES
def test_rule_28_losses_do_not_go_with_message_based_flow_control(engine):
    with pytest.raises(InvalidValue, match="flow_control=credit"):
        run(LINE, Send(0, 1, 30), engine=engine, loss="0.1", flow_control="message")
    links = [Link(0, 1, 10**15, 0, 5), Link(1, 0, 10**15, 0)]
    with pytest.raises(InvalidValue, match="h0->h1"):
        run(build("wire", 2, links), Send(0, 1, 30), engine=engine, flow_control="message")


@ENGINES
@pytest.mark.parametrize("recovery", ["selective-repeat", "go-back-n"])
def test_rule_30_every_attempt_ends_lost_discarded_or_taken(engine, recovery):
    result = run(LINE, *(Send(0, 1, 200) for _ in range(5)), engine=engine, loss="0.2", recovery=recovery, seed=4)
    assert result.packets_repeated == result.packets_lost + result.packets_discarded > 0
    assert result.link_bytes[0] == 10 * (result.packets + result.packets_repeated)


def test_rule_30_attempts_are_as_many_as_chance_says_and_go_back_n_needs_no_fewer():
    wire = machine(2, 0, (0, 1, 40))
    for p in (0.01, 0.2, 0.5):
        for seed in range(3):
            ran = run(wire, Send(0, 1, 200_000), engine="compiled", loss=p, seed=seed)
            # n packets need n / (1 - p) attempts, with a variance of n p / (1 - p)^2.
            assert abs(ran.packets + ran.packets_repeated - 20_000 / (1 - p)) < 4.5 * (20_000 * p) ** 0.5 / (1 - p)
            assert ran.packets_discarded == 0
    for seed in range(20):
        selective = run(LINE, Send(0, 1, 500), engine="compiled", loss=0.1, seed=seed)
        back = run(LINE, Send(0, 1, 500), engine="compiled", loss=0.1, seed=seed, recovery="go-back-n")
        # A packet goes at least to its first attempt that is not lost, and that is the same one.
        assert back.packets_repeated >= selective.packets_repeated


@ENGINES
def test_rule_29_the_critical_path_charges_what_a_loss_cost(engine):
    result = lossy(10, (0, 0, 0), engine=engine)
    # Granted at 0, known at 34 (missed at 22, 12 back), then the lone packet: 10 + 1 on links and 12 of latency.
    assert result.critical_path["loss_wait"] == 34
    assert result.critical_links[0] == 34 + 1
    assert sum(result.critical_path.values()) == result.time == 34 + 23


def test_lossless_runs_are_what_they_were():
    assert finish(LINE, Send(0, 1, 30)) == [43]
    result = run(LINE, Send(0, 1, 30), engine="compiled", recovery="go-back-n", delivery="in-order", retransmit_timeout=7)
    assert result.message_finish.tolist() == [43]
    assert result.train_fraction == 1
    assert run(LINE, Send(0, 1, 30), engine="compiled", loss=1e-9).train_fraction == 0


def far(loss, **settings):
    """A wire that holds some 5,000 packets, more than a pool of notes has to begin with."""
    wire = machine(2, 1, (0, 2, 1), (2, 1, 50_000))
    return {
        engine: run(wire, Send(0, 1, 60_000), engine=engine, loss=loss, delivery="in-order", seed=2, **settings)
        for engine in ("simpy", "compiled")
    }


@pytest.mark.slow
@pytest.mark.parametrize("recovery", ["selective-repeat", "go-back-n"])
def test_many_packets_under_way_are_kept_account_of(recovery):
    ran = far(0.001, recovery=recovery)
    assert ran["simpy"].time == ran["compiled"].time
    assert ran["simpy"].packets_repeated == ran["compiled"].packets_repeated > 0
    assert ran["simpy"].reorder_peak.tolist() == ran["compiled"].reorder_peak.tolist()
    assert ran["simpy"].critical_path == ran["compiled"].critical_path
    assert (ran["compiled"].reorder_peak[1] > 40_000) == (recovery == "selective-repeat")


@pytest.mark.parametrize("settings", [{}, {"recovery": "go-back-n"}, {"routing": "feedback", "delivery": "in-order"}])
def test_a_run_is_found_again_from_the_states_kept_of_it(settings):
    network = NetworkConfig().with_settings({"packet_payload": 256, "loss": 0.02} | settings)
    fabric = load("leafspine2x2x2")
    program = Program(tuple(Send(host, (host + 2) % 4, 20_000) for host in range(4)))
    whole = simulate(fabric, program, network, 5)
    pieces = simulate(fabric, program, network, 5, log_limit=50)
    assert whole.critical_path == pieces.critical_path
    assert whole.critical_links == pieces.critical_links
    assert whole.packets_lost > 0
