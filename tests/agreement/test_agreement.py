"""Two engines agree to the tick on random cases, and the one that is the specification keeps its invariants on them."""

import random
from collections import Counter
from dataclasses import replace
from unittest.mock import patch

import pytest
import simpy.core
from agreement.cases import Case, Machine, Named, Send, script
from agreement.compare import against, differences, run, unsupported
from agreement.coverage import Coverage, Grants, features, trains
from agreement.draw import MOST_HOPS, draw, packet_hops
from agreement.invariants import broken
from agreement.shrink import shrink

from collsim.units import PER_BILLION

FEW, MANY, BATCH = 300, 3000, 900


def check(numbers, choices=5.0):
    """Hold cases on the compiled engine against the SimPy engine; refusals by name count as failures, gaps in them too."""
    coverage, found = Coverage(), {}
    for number in numbers:
        case, grants = draw(number), Grants()
        one = run(case, "simpy", [grants])
        other, texts = against(case, one, "compiled")
        coverage.add(features(case, one, grants) | trains(other))
        if texts or unsupported(other):
            found[number] = texts or [str(other.error)]
    print(coverage.table())
    assert found == {}
    assert coverage.gaps(choices) == []


def test_engines_agree_on_cases_that_cover_the_model():
    check(range(FEW))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(FEW, MANY, BATCH))
def test_engines_agree_on_thousands_of_cases(start):
    # Of 900 cases with a choice that a twentieth of all have, the share scatters by 0.7 points.
    check(range(start, start + BATCH), choices=4.0)


@pytest.mark.parametrize(("start", "count"), [(0, 60), pytest.param(60, 600, marks=pytest.mark.slow)])
def test_engines_agree_where_links_change(start, count):
    changed, kinds, found = 0, Counter(), {}
    for number in range(start, start + count):
        case = draw(number, "changing")
        one = run(case, "simpy")
        _, texts = against(case, one, "compiled")
        if texts:
            found[number] = texts
        changed += bool(differences(one, run(replace(case, changes=()), "simpy")))
        kinds[type(one.error).__name__ if one.error else "result"] += 1
        kinds["cut off"] += "cannot end" in str(one.error)
        kinds["drops"] += one.result is not None and any(PER_BILLION in change[3:] for change in case.changes)
    assert found == {}
    assert changed > 0.4 * count
    assert kinds["result"] > 0.7 * count
    assert kinds["StallError"] > 0.02 * count
    assert kinds["cut off"] > 0.01 * count
    assert kinds["drops"] > 0.1 * count


def test_links_that_change_leave_runs_indifferent_to_order_and_paths_whole():
    for number in range(60):
        case = draw(number, "changing")
        plain, rng = run(case, "simpy"), random.Random(1)
        with patch.object(simpy.core, "count", lambda rng=rng: iter(rng.random, None)):
            assert not differences(plain, run(case, "simpy"))
        if plain.result is not None:
            parts = plain.result.critical_path
            assert sum(parts.values()) == plain.result.time
            assert min(parts.values()) >= 0


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_invariants_hold_of_the_simpy_engine(start):
    for number in range(start, start + 20):
        assert not broken(draw(number)), number


def test_a_case_is_the_same_whenever_it_is_drawn_and_printed():
    for number in range(20):
        case = draw(number)
        assert case == draw(number)
        text = script(case, ("simpy", "simpy")).rpartition("print(")[0]
        names = {}
        exec(text, names)
        assert names["case"] == case


def test_cases_are_small():
    for number in range(60):
        result = run(draw(number), "simpy").result
        if result is not None and not result.packets_repeated:
            assert result.packet_hops <= min(MOST_HOPS, packet_hops(draw(number)))


def test_a_difference_is_found_and_cut_down():
    """Take a rule away from one of two runs, and what is left is a case in which that rule matters."""

    def unlike(case):
        changed = Case(case.machine, case.items, case.settings | {"arbitration": "oldest"}, case.seed)
        return bool(differences(run(case, "simpy"), run(changed, "simpy")))

    sends = tuple(Send(k % 4, 4 + k % 3, 5000 + k) for k in range(12))
    case = Case(Machine(((10**10, 5),), "switch8"), (*sends, Named("ring", "all-gather", (0, 2, 5), 9000)), {"header": 8})
    assert unlike(case)
    least = shrink(case, unlike)
    assert unlike(least)
    assert len(least.items) <= 3
    assert "header" not in least.settings


def test_a_case_is_drawn_anew_where_links_of_unlike_rates_do_not_suit_its_algorithm():
    case = draw(3_000_879)
    assert case.items[0].algorithm == "forest"
    assert run(case, "compiled").error is None


def test_runs_that_end_differently_differ():
    good, bad = draw_outcome("result"), draw_outcome("StallError")
    assert differences(good, bad)
    assert differences(bad, good)
    assert not differences(bad, bad)
    assert not unsupported(bad)


def draw_outcome(name):
    for number in range(FEW):
        outcome = run(draw(number), "simpy")
        if name == ("result" if outcome.error is None else type(outcome.error).__name__):
            return outcome
    raise AssertionError(f"no {name}")
