"""One point worked off: whatever it does becomes a status and a sentence, and results become plain values."""

import numpy as np
import pytest

from collsim.errors import AlgorithmUnsuitable, StallError
from collsim.sweep.answer import Bench, answer
from collsim.sweep.runner import Call


def work(what):
    def run(given, kept):
        if isinstance(what, BaseException):
            raise what
        return what

    return Call("group", run, None)


@pytest.mark.parametrize(
    "error, status, sentence",
    [
        (AlgorithmUnsuitable("it needs a torus"), "refused", "it needs a torus"),
        (StallError("a deadlock"), "failed", "a deadlock"),
        (MemoryError(), "failed", "There was not enough memory"),
        (KeyError("x"), "failed", "It failed with KeyError in test_answer.py, line 14: 'x'"),
    ],
)
def test_errors_become_a_status_and_a_sentence(error, status, sentence):
    found = answer(work(error), Bench())
    assert (found.status, found.results) == (status, {})
    assert found.error.startswith(sentence)


def test_results_become_plain_values():
    given = {
        "a": np.int64(3),
        "b": np.float64(0.5),
        "c": float("nan"),
        "d": np.bool_(True),
        "e": (1, 2),
        "f": None,
        "g": 2**62,
    }
    found = answer(work(given), Bench()).results
    assert found == {"a": 3, "b": 0.5, "c": None, "d": True, "e": "(1, 2)", "f": None, "g": 2**62}
    assert [type(value) for value in found.values()] == [int, float, type(None), bool, str, type(None), int]


def test_ctrl_c_is_not_an_answer():
    with pytest.raises(KeyboardInterrupt):
        answer(work(KeyboardInterrupt()), Bench())


def test_a_bench_keeps_one_group():
    bench = Bench()
    bench.at("one")["x"] = 1
    assert bench.at("one") == {"x": 1}
    assert bench.at("two") == {}
    assert bench.at("one") == {}
