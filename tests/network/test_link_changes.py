"""Links that change, as texts and in reports."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

import collsim
from collsim.errors import InvalidValue, StallError, UnknownName
from collsim.network.config import NetworkConfig
from collsim.network.dead_links import dead_links
from collsim.network.link_changes import (
    FIRST,
    LinkChange,
    changes_digest,
    check_changes,
    describe_changes,
    fastest,
    parse_changes,
    settled,
)
from collsim.topology import load
from collsim.topology.faults import degrade_links

RING = load("ring4")
GB = 10**9
NS = 10**6


def test_a_text_is_a_time_a_link_and_what_becomes_of_it():
    link = RING.links_between(0, 1)[0]
    texts = ["5ns:h0->h1=0.5", "6ns:h0->h1=25GB/s", "7ns:h0->h1=fail", "8ns : h0->h1 = restore"]
    rates = [change.rate for change in parse_changes(RING, texts)]
    assert rates == [8 * GB, 25 * GB, 0, 16 * GB]
    assert parse_changes(RING, texts)[0] == LinkChange(5 * NS, link, 8 * GB)


def test_a_cable_is_both_directions_and_order_is_by_time():
    there, back = RING.links_between(0, 1)[0], RING.links_between(1, 0)[0]
    found = parse_changes(RING, ["2ns:h0-h1=restore", "1ns:h0-h1=fail"])
    assert [(c.time, c.rate) for c in found] == [(NS, 0), (NS, 0), (2 * NS, 16 * GB), (2 * NS, 16 * GB)]
    assert {c.link for c in found} == {there, back}


def test_shares_and_restorations_go_by_the_rate_at_the_start():
    slow = degrade_links(RING, {"h0->h1": 0.5})
    assert [c.rate for c in parse_changes(slow, ["1ns:h0->h1=0.5", "2ns:h0->h1=restore"])] == [4 * GB, 8 * GB]


def test_a_loss_is_a_share_or_everything_and_restoring_brings_back_both():
    texts = ["5ns:h0->h1=loss:0.9", "6ns:h0->h1=drop", "7ns:h0->h1=loss: 0.1%", "8ns:h0->h1=loss:0", "9ns:h0->h1=restore"]
    found = [(change.rate, change.loss) for change in parse_changes(RING, texts)]
    assert found == [(None, 9 * 10**8), (None, 10**9), (None, 10**6), (None, 0), (16 * GB, FIRST)]


def test_settled_changes_say_all_that_holds_from_then_on():
    lossy = replace(RING, loss=np.array([7, 0, 0, 0, 0, 0, 0, 0]))
    changes = [LinkChange(1, 0, GB), LinkChange(2, 0, None, 5), LinkChange(3, 0, 0), LinkChange(4, 0, 2 * GB, FIRST)]
    network = NetworkConfig().with_settings({"loss": "1e-6"})
    assert [(c.rate, c.loss) for c in settled(lossy, network, changes)] == [(GB, 7), (GB, 5), (0, 5), (2 * GB, 7)]
    others = [LinkChange(1, 1, None, 10**9), LinkChange(2, 1, None, FIRST)]
    assert [(c.rate, c.loss) for c in settled(lossy, network, others)] == [(16 * GB, 10**9), (16 * GB, 1000)]


def test_a_dead_link_is_one_that_drops_to_the_end():
    changes = [LinkChange(1, 0, 1, 10**9), LinkChange(2, 0, 1, 10**9), LinkChange(3, 1, 1, 10**9), LinkChange(4, 1, 1, 5)]
    assert dead_links(changes) == {0: 1}
    assert dead_links([*changes, LinkChange(9, 1, 0, 10**9)]) == {0: 1, 1: 9}


def test_digests_know_losses_and_are_what_they_were_without():
    def digest(*texts):
        return changes_digest(parse_changes(RING, texts))["link_changes"]

    rates = [(NS, RING.links_between(0, 1)[0], 0), (2 * NS, RING.links_between(0, 1)[0], 16 * GB)]
    assert digest("1ns:h0->h1=fail", "2ns:h0->h1=restore") == sha256(repr(rates).encode()).hexdigest()
    assert len({digest(f"1ns:h0->h1={what}") for what in ("drop", "loss:0.5", "loss:0", "fail")}) == 4


def test_changes_already_made_are_taken_as_they_are():
    change = LinkChange(3, 0, 7)
    assert parse_changes(RING, [change]) == (change,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("h0->h1=0.5", "5ms:h0->h1=0.5"),
        ("5ms:h0->h1", "5ms:h0->h1=0.5"),
        ("5ms:=fail", "5ms:h0->h1=0.5"),
        ("5:h0->h1=fail", "unit"),
        ("5ms:h0->h1=0", "say fail"),
        ("5ms:h0->h1=-1", "above zero"),
        ("5ms:h0->h1=1e30", "10\\^18"),
        ("5ms:h0->h1=brake", "bandwidth"),
        ("5h:h0->h1=fail", "unit"),
        ("9999s:h0->h1=fail", "clock"),
        ("5ms:h0->h1=loss:1", "drop"),
        ("5ms:h0->h1=loss:", "loss rate"),
        ("5ms:h0->h1=loss:-0.1", "loss rate"),
        ("5ms:h0->h1=drops", "bandwidth"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_cure(text, words):
    with pytest.raises(InvalidValue, match=words):
        parse_changes(RING, [text])


def test_unknown_links_and_double_changes_are_refused():
    with pytest.raises(UnknownName, match="h0->h1"):
        parse_changes(RING, ["1ms:h0->h9=fail"])
    with pytest.raises(InvalidValue, match="twice at 1 ms"):
        parse_changes(RING, ["1ms:h0->h1=fail", "1ms:h0-h1=0.5"])
    with pytest.raises(InvalidValue, match="links 0 to 7"):
        check_changes(RING, [LinkChange(0, 8, 1)])
    for time, rate in ((-1, 1), (2**63, 1), (0, -1), (0, 10**18 + 1)):
        with pytest.raises(InvalidValue):
            LinkChange(time, 0, rate)
    for loss in (-2, 10**9 + 1):
        with pytest.raises(InvalidValue, match="all of them"):
            LinkChange(0, 0, loss=loss)
    with pytest.raises(InvalidValue, match="changes nothing"):
        LinkChange(0, 0)
    with pytest.raises(InvalidValue, match="twice"):
        parse_changes(RING, ["1ms:h0->h1=drop", "1ms:h0-h1=0.5"])


def test_words_say_what_changed_when():
    texts = ["1us:h0->h1=fail", "2us:h0->h1=restore", "3us:h0->h1=0.25", "4us:h0->h1=restore"]
    assert describe_changes(RING, parse_changes(RING, texts)) == (
        "1 us: h0->h1 fails",
        "2 us: h0->h1 is restored",
        "3 us: h0->h1 at 4 GB/s",
        "4 us: h0->h1 at 16 GB/s",
    )


def test_words_say_what_is_lost():
    texts = ["1us:h0->h1=loss:0.9", "2us:h0->h1=drop", "3us:h0->h1=restore", "4us:h0->h1=drop", "5us:h0->h1=loss:0"]
    assert describe_changes(
        RING, [*parse_changes(RING, texts), LinkChange(6 * 10**9, RING.links_between(0, 1)[0], GB, 10**9)]
    ) == (
        "1 us: h0->h1 loses 90 % of packets",
        "2 us: h0->h1 drops everything",
        "3 us: h0->h1 is restored",
        "4 us: h0->h1 drops everything",
        "5 us: h0->h1 loses no packets",
        "6 us: h0->h1 at 1 GB/s, drops everything",
    )


def test_the_fastest_machine_has_the_largest_rate_of_each_link():
    changes = parse_changes(RING, ["1us:h0->h1=fail", "2us:h0->h1=20GB/s", "1us:h1->h2=0.5"])
    rates = fastest(RING, changes).bandwidth
    assert rates[RING.links_between(0, 1)[0]] == 20 * GB
    assert rates[RING.links_between(1, 2)[0]] == 16 * GB
    assert fastest(RING, parse_changes(RING, ["1us:h0->h1=fail"])) is RING


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_a_run_says_what_changed_and_how_long_it_took(engine):
    options = {"size": "64KiB", "engine": engine}
    plain = collsim.simulate("ring4", "ring", **options)
    down = collsim.simulate("ring4", "ring", at=["1us:h0->h1=fail", "50us:h0->h1=restore"], **options)
    # What had not been sent over the link by 1 us is sent from 50 us on: nothing else is in the way.
    assert plain.result.time < 50_000 * NS < down.result.time < 50_000 * NS + plain.result.time
    assert down.changes == ("1 us: h0->h1 fails", "50 us: h0->h1 is restored")
    assert down.closed_form is None
    assert down.bound.time == plain.bound.time
    assert down.to_dict()["link_changes"] == list(down.changes)
    assert down.result.critical_path["link_wait"] > 40_000 * NS


def test_a_run_that_cannot_end_names_the_link():
    with pytest.raises(StallError, match="h0->h1 failed at 1 us"):
        collsim.simulate("ring4", "ring", size="64KiB", at=["1us:h0->h1=fail"])


def test_bounds_hold_for_the_machine_that_loses_nothing():
    plain = collsim.simulate("ring4", "ring", size="8KiB")
    lossy = collsim.simulate("ring4", "ring", size="8KiB", at=["1us:h0->h1=drop", "5us:h0->h1=restore"])
    assert lossy.result.packets_lost > 0
    assert lossy.bound.time == plain.bound.time
    assert lossy.result.time > plain.result.time
    assert lossy.result.critical_path["loss_wait"] > 0


def test_an_upgrade_raises_the_bound():
    plain = collsim.simulate("ring4", "ring", size="1MiB")
    texts = [f"1us:h{a}->h{b}=2" for a in range(4) for b in ((a + 1) % 4, (a - 1) % 4)]
    faster = collsim.simulate("ring4", "ring", size="1MiB", at=texts)
    assert faster.result.time < plain.result.time
    assert faster.bound.time < plain.bound.time
    assert faster.percent_of_bound <= 100
