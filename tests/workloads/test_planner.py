"""The planner: the published machine, the numbers that follow from first principles, and laws that hold for any machine."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collsim.errors import InvalidValue, UnknownName
from collsim.units import FS_PER_SECOND
from collsim.workloads import plan_figures
from collsim.workloads.plan_request import SOURCES, Request, request
from collsim.workloads.planner import exchanged, plan, training_days, training_flop

T = 10**12


def planned(**given):
    return plan(request(**given))


def test_the_machine_of_the_overview():
    made = plan(Request())
    assert (made.racks, made.gpus, made.cost) == (23_300, 1_677_600, 10**11)
    assert (made.it_power, made.total_power) == (3_600 * 10**6, (4_160 * 10**6, 4_710 * 10**6))
    assert (made.sites, made.site_power) == (2, (2_080 * 10**6, 2_355 * 10**6))


def test_what_the_overview_implies_of_a_rack():
    asked = Request()
    assert [f"{float(value):.3f}" for value in asked.pue] == ["1.156", "1.308"]
    assert f"{float(asked.rack_power) / 1e3:.1f}" == "154.5"
    assert f"{float(asked.rack_price) / 1e6:.1f}" == "3.0"


@pytest.mark.parametrize(("parameters", "days", "with_all"), [(50, 2_079, 2_070), (100, 8_317, 8_279)])
def test_days_of_training_at_40_per_cent(parameters, days, with_all):
    assert round(planned(gpus="1.67M", parameters=parameters * T).days) == days
    assert round(planned(parameters=parameters * T).days) == with_all
    work = training_flop(parameters * T, 20 * parameters * T)
    assert round(training_days(work, Fraction(2, 5) * 1_670_000 * 2_500 * T)) == days


def test_the_work_of_chinchilla_scaling():
    assert planned(parameters="50T").work == 3 * 10**29
    assert planned(parameters="100T").work == 12 * 10**29
    assert planned(parameters="50T").tokens == 10**15


@pytest.mark.parametrize(
    ("parameters", "step", "rate"),
    [(50, 10, 80), (50, 60, 13.3), (50, 300, 2.7), (100, 10, 160), (100, 60, 26.7), (100, 300, 5.3)],
)
def test_the_wan_rate_of_two_sites(parameters, step, rate):
    made = planned(parameters=parameters * T, step_time=f"{step}s")
    assert float(f"{float(8 * made.wan_rate) / 1e12:.3g}") == pytest.approx(rate, abs=0.05)
    assert made.exchange == parameters * T * 2
    assert planned(parameters=parameters * T, step_time=f"{step}s", precision="fp8").wan_rate == made.wan_rate / 2


def test_the_rate_of_50_t_at_a_minute_exactly():
    assert 8 * planned().wan_rate == Fraction(40, 3) * T


def test_bandwidth_delay_product():
    made = planned(wan_rate="10Tb/s", round_trip="60ms")
    assert made.in_flight == 75 * 10**9
    assert made.exchange_time == 80 * FS_PER_SECOND
    assert planned(step_time="80s").in_flight == 75 * 10**9


def test_memory_floor():
    assert (planned(parameters="50T").memory, planned(parameters="50T").memory_racks) == (800 * T, 60)
    assert planned(parameters="100T").memory_racks == 120


def test_a_power_limit_gives_the_sites():
    assert planned(site_power="2.355GW").sites == 2
    assert planned(site_power="2.3549GW").sites == 3
    assert planned(site_power="5GW").sites == 1
    assert max(planned(site_power="150MW").site_power) <= 150 * 10**6


def test_one_site_exchanges_nothing():
    made = planned(sites=1)
    assert (made.exchange, made.wan_rate, made.in_flight) == (0, 0, 0)


def test_all_sites_together_send_what_an_all_reduce_takes():
    """A ring of X sites moves 2 (X-1) shares of N G / X over each of its X links."""
    for sites in range(1, 9):
        assert sites * exchanged(10**9, Fraction(2), sites) == 2 * (sites - 1) * 2 * 10**9


def test_what_does_not_go_together_is_noted():
    asked = request(budget="10M", wan_rate="1Tb/s")
    copies, late = plan(asked).notes(asked)
    assert "60 racks and there are 2" in copies
    assert "13.3 step times" in late
    assert planned().notes(Request()) == ()


@given(days=st.integers(1, 3000), racks=st.integers(1, 10**5), ratio=st.integers(1, 200))
def test_days_and_parameters_are_inverse(days, racks, ratio):
    made = planned(gpus=72 * racks, days=days, tokens_per_parameter=ratio, sites=1)
    assert made.days <= days
    again = planned(gpus=72 * racks, parameters=made.parameters + 1, tokens_per_parameter=ratio, sites=1)
    assert again.days > days


@given(budget=st.integers(10**6, 10**12), price=st.integers(10**5, 10**7), share=st.fractions(Fraction(1, 100), 1))
def test_as_many_racks_as_the_money_buys(budget, price, share):
    assume(budget * share >= price)
    made = plan(Request(budget=Fraction(budget), rack_price=Fraction(price), compute_share=share, sites=1))
    assert made.cost <= budget < made.cost + price / share


@given(seconds=st.integers(1, 3600), parameters=st.integers(10**9, 10**14))
def test_steps_and_days_agree(seconds, parameters):
    """All tokens go through in as many steps as fit into the days."""
    made = planned(step_time=f"{seconds}s", parameters=parameters)
    assert made.days * 86_400 / seconds * made.tokens_a_step == made.tokens


def test_twice_the_days_train_a_model_larger_by_the_root_of_two():
    assert planned(days=200).parameters / planned(days=100).parameters == pytest.approx(math.sqrt(2), rel=1e-9)


def test_texts_and_numbers_are_read_alike():
    texts = request(budget="$100B", rack_power="100kW", peak="2.5PFLOP/s", pue="1.2", gpus="1.67M", rack_memory="13.4TB")
    numbers = request(budget=1e11, rack_power=10**5, peak=2.5e15, pue=(1.2, 1.2), gpus=1_670_000, rack_memory=13_400 * 10**9)
    assert texts == numbers
    assert request(budget=None) == Request()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"budget": "1M"}, "buys no rack"),
        ({"budget": "much"}, "like 100B"),
        ({"budget": "-1"}, "negative"),
        ({"compute_share": "70"}, "write 70 % as 0.7"),
        ({"utilisation": 0}, "above zero"),
        ({"pue": "0.9"}, "1.15:1.3"),
        ({"pue": "1.3:1.2"}, "1.15:1.3"),
        ({"pue": "1:2:3"}, "1.15:1.3"),
        ({"sites": 3, "site_power": "1GW"}, "leave one out"),
        ({"sites": 0}, "above zero"),
        ({"sites": 30_000}, "30,000 sites would share 23,300 racks"),
        ({"parameters": "50T", "days": 3}, "leave one out"),
        ({"parameters": "1.5"}, "whole number"),
        ({"days": "1e-29"}, "give more days"),
        ({"rack_power": "3kg"}, "like 154.5kW"),
        ({"step_time": "60"}, "needs a unit"),
        ({"step_time": "0s"}, "above zero"),
        ({"wan_rate": "10Tb"}, "200Gb/s"),
    ],
)
def test_what_cannot_be_planned_is_refused(wrong, says):
    with pytest.raises(InvalidValue, match=says):
        planned(**wrong)


def test_unknown_names():
    with pytest.raises(UnknownName, match="bf16, fp8"):
        planned(precision="int8")
    with pytest.raises(UnknownName, match="Did you mean 'budget'"):
        request(bugdet="1B")


def test_every_default_has_a_source_and_every_change_is_given():
    sources = {g.name: g.source for g in plan_figures.given(Request())}
    assert set(sources) >= set(SOURCES)
    assert "given" not in sources.values()
    changed = {
        "budget": "1B",
        "utilisation": "0.5",
        "precision": "fp8",
        "sites": "3",
        "step_time": "1s",
        "wan_rate": "1Tb/s",
    }
    found = {g.name: g.source for g in plan_figures.given(request(**changed))}
    assert {name for name, source in found.items() if source == "given"} == set(changed)
    assert found["gradient_bytes"] == "of fp8"


def test_every_output_has_its_figure_with_numbers_put_in():
    for asked in (Request(), request(gpus=1000, site_power="1MW", days=30, wan_rate="1Tb/s")):
        made = plan(asked)
        found = {f.name: f for f in plan_figures.figures(asked, made)}
        assert set(found) == {name for name in made.__slots__ if getattr(made, name) is not None}
        for name, figure in found.items():
            factor = {"wan_rate": 8, "exchange_time": Fraction(1, FS_PER_SECOND)}.get(name, 1)
            value = getattr(made, name)
            assert figure.value == (value if factor == 1 else value * factor)
            assert figure.formula.startswith("as ") or any(letter.isdigit() for letter in figure.formula)
