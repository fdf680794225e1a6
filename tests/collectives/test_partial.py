"""The partial all-reduce: which channels, how many bytes, what is proved, and what a wrong schedule is told."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.numbers import carry_out
from oracles.replay import check

from collsim.collectives.algorithm import ALGORITHMS, Hint
from collsim.collectives.bounds import lower_bound
from collsim.collectives.channels import parse_fraction, synchronised_channels
from collsim.collectives.collective import Collective, collective
from collsim.collectives.export import schedule_to_dict
from collsim.collectives.nic_table import nic_tables
from collsim.collectives.nic_table_files import tables_from_dict, tables_to_dict
from collsim.collectives.partial import partially
from collsim.collectives.verify import verify
from collsim.errors import InvalidValue, ScheduleError, UnknownName
from collsim.topology import load

REDUCERS = [name for name, entry in ALGORITHMS.items() if "all-reduce" in entry.collectives]
SMALL = {"forest": "mesh3x3"}
HIDDEN = (768, 1024, 2048, 4096, 5120, 8192, 12288, 16384)


def machine(name):
    return load(SMALL.get(name, ALGORITHMS.get(name).suits[0]))


def plan_of(name, wanted, hint=None):
    return ALGORITHMS.get(name).schedule(machine(name), wanted, hint=hint)


def some(k, h):
    return Collective("partial-all-reduce", None, k, h)


@pytest.mark.parametrize(
    "p, h, k",
    [
        ("0.3", 768, 230),
        (0.5, 4096, 2048),
        ("0.75", 768, 576),
        ("1", 5, 5),
        ("0", 5, 0),
        ("0.999", 4096, 4091),
        ("1/3", 10, 3),
    ],
)
def test_channels_are_truncated(p, h, k):
    assert synchronised_channels(p, h) == k
    assert collective(f"partial-all-reduce:p={p},h={h}").synchronised == k


def test_fractions_are_the_numbers_that_are_written():
    assert int(0.29 * 100) == 28
    assert synchronised_channels(0.29, 100) == synchronised_channels("0.29", 100) == 29
    assert parse_fraction(Fraction(1, 7)) == Fraction(1, 7)
    assert parse_fraction("1e-3") == Fraction(1, 1000)


@pytest.mark.parametrize("h", HIDDEN)
def test_exact_and_floating_fractions_agree_on_hidden_sizes_of_models(h):
    for percent in range(101):
        assert synchronised_channels(percent / 100, h) == int(percent / 100 * h)


@pytest.mark.parametrize("p", ["1.5", "-0.1", "nan", "half", "", "1/0", "1e999999999", "9" * 200, "0,5"])
def test_fractions_outside_0_to_1_are_one_sentence(p):
    with pytest.raises(InvalidValue, match="fraction p") as error:
        parse_fraction(p)
    assert str(error.value).count(". ") == 0
    assert len(str(error.value)) < 150


@pytest.mark.parametrize(
    "text, error",
    [
        ("partial-all-reduce:q=1", UnknownName),
        ("partial-all-reduce:p", InvalidValue),
        ("partial-all-reduce:h=0", InvalidValue),
        ("partial-all-reduce:p=2", InvalidValue),
        ("all-reduce:p=0.5", InvalidValue),
        ("partial-allreduce", UnknownName),
    ],
)
def test_bad_texts_are_refused(text, error):
    with pytest.raises(error):
        collective(text)


@pytest.mark.parametrize(
    "k, h, name",
    [(5, 4, "partial-all-reduce"), (-1, 4, "partial-all-reduce"), (0, 0, "partial-all-reduce"), (1, 2, "reduce-scatter")],
)
def test_bad_channels_are_refused(k, h, name):
    with pytest.raises(InvalidValue, match="channels"):
        Collective(name, None, k, h)


@given(st.integers(1, 20_000).flatmap(lambda h: st.tuples(st.integers(0, h), st.just(h))))
def test_text_means_the_same_collective(channels):
    wanted = some(*channels)
    assert collective(wanted.text) == wanted


@pytest.mark.parametrize(
    "k, h, summed, local",
    [
        (2048, 4096, "channels 0..2047 of 4096", "channels 2048..4095 of 4096"),
        (0, 8, "no channel", "all 8 channels"),
        (8, 8, "all 8 channels", "no channel"),
        (7, 8, "channels 0..6 of 8", "channel 7 of 8"),
        (1, 1, "the only channel", "no channel"),
    ],
)
def test_what_stays_local_is_named(k, h, summed, local):
    assert (some(k, h).summed, some(k, h).local) == (summed, local)


def test_busbw_counts_what_is_summed():
    assert some(1, 4).bus_factor(8) == Fraction(1, 4) * collective("all-reduce").bus_factor(8)
    assert some(4, 4).bus_factor(8) == collective("all-reduce").bus_factor(8)
    assert some(0, 4).bus_factor(8) == 0


@pytest.mark.parametrize("name", REDUCERS)
@settings(max_examples=8, deadline=None)
@given(k=st.integers(0, 768), size=st.integers(0, 2**40))
def test_bytes_are_those_of_an_all_reduce_of_the_part(name, k, size):
    wanted = some(k, 768)
    part = wanted.communicated(size)
    hint = Hint(size, 150_000_000, Fraction(62500))
    plan = plan_of(name, wanted, hint)
    assert plan.boundaries(size)[-1] == part == size * k // 768
    whole = plan_of(name, wanted.whole, replace(hint, size=max(part, 1)))
    if k:
        assert plan.message_bytes(size).tolist() == whole.message_bytes(part).tolist()
        assert plan.boundaries(size) == whole.boundaries(part)
    else:
        assert plan.transfers == plan.chunks == plan.steps == 0


@pytest.mark.parametrize("name", REDUCERS)
@pytest.mark.parametrize("k, h", [(0, 8), (1, 3), (230, 768), (768, 768)])
def test_every_algorithm_sums_real_numbers_and_leaves_the_rest(name, k, h):
    plan, size = plan_of(name, some(k, h)), 1001
    assert verify(plan, machine(name), method="exact").local == some(k, h).local
    if k:
        check(replace(plan, collective=collective("all-reduce"), unit=int(plan.cumulative[-1])))
    before = np.random.default_rng(k).integers(-1000, 1000, (plan.ranks, size))
    after = carry_out(plan, before)
    part = size * k // h
    assert (after[:, :part] == before[:, :part].sum(axis=0)).all()
    assert (after[:, part:] == before[:, part:]).all()


def test_proof_names_what_stays_local():
    for p, words in (
        ("0.5", "channels 2048..4095 of 4096 stay local on each rank, out of reach of every transfer."),
        ("0", "all 4096 channels stay local on each rank, out of reach of every transfer."),
        ("1", "; no channel stays local."),
    ):
        plan = plan_of("ring", collective(f"partial-all-reduce:p={p}"))
        assert verify(plan, machine("ring")).line.endswith(words)
    assert verify(plan_of("ring", collective("all-reduce")), machine("ring")).local == ""
    nothing = verify(plan_of("ring", collective("partial-all-reduce:p=0")), machine("ring")).line
    assert nothing.startswith("partial-all-reduce proved: nothing is sent among 8 ranks; all 4096 channels stay local")


@pytest.mark.parametrize("method", ["exact", "fingerprint"])
def test_schedules_that_do_not_keep_the_claim_are_refused(method):
    topology, whole, wanted = machine("ring"), plan_of("ring", collective("all-reduce")), some(2048, 4096)
    good = partially(whole, wanted)
    seventh = np.arange(good.transfers) == 7
    wrong = {
        r"4096 of 4096 channels.* sums 2048; channels that are to stay local are in reach": replace(
            whole, collective=wanted
        ),
        r"1024 of 4096 channels.* some are left out": replace(partially(whole, some(1024, 4096)), collective=wanted),
        r"positive weights": replace(plan_of("ring", some(0, 8)), collective=some(1, 8)),
        r"has chunk 99; it is": replace(good, chunk=np.where(seventh, 99, good.chunk)),
        r"lacks the contribution|does not": replace(good, op=np.where(seventh, 0, good.op)),
    }
    for words, plan in wrong.items():
        with pytest.raises(ScheduleError, match=words):
            verify(plan, topology, method=method)


def test_fractions_that_do_not_fit_the_weights_are_refused():
    whole = replace(plan_of("ring", collective("all-reduce")), weights=np.full(8, 2**56), unit=2**59)
    with pytest.raises(InvalidValue, match="64 bits"):
        partially(whole, some(1, 769))


@pytest.mark.parametrize("size", [1, 1000, 16 * 2**20])
def test_bound_is_that_of_an_all_reduce_of_the_part(size):
    topology = load("mesh3x4")
    for k in (0, 1, 230, 768):
        part = lower_bound(topology, some(k, 768), range(12), size)
        assert part == lower_bound(topology, collective("all-reduce"), range(12), size * k // 768)


@pytest.mark.parametrize("k", [0, 230, 768])
def test_tables_and_json_say_what_is_summed(k):
    plan = plan_of("multitree", some(k, 768))
    tables = nic_tables(plan, 10_000)
    again = tables_from_dict(tables_to_dict(tables))
    assert tables_to_dict(again) == tables_to_dict(tables)
    assert verify(again.to_schedule(), machine("multitree")).local == some(k, 768).local
    data = schedule_to_dict(plan, machine("multitree"))
    assert (data["synchronised_channels"], data["channels"]) == (k, 768)
    assert sum(data["chunks"]) * 768 == data["unit"] * k
    assert schedule_to_dict(plan_of("ring", collective("reduce", 1)), machine("ring"))["channels"] is None
