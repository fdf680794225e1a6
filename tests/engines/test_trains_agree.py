"""Trains against packets: whatever runs as trains has the results of the reference engine in every field, to the tick."""

import pytest
from agreement.draw import draw
from engines.train_cases import draw_train, packets, trains, unlike

from collsim.engines import compiled_engine
from collsim.engines.compiled.trains import engine
from collsim.errors import CollsimError


def agreeing(cases):
    """Hold what is accepted against the reference; return the accepted results."""
    accepted = []
    for number, case in cases:
        result = None if case is None else trains(case)
        if result is not None:
            assert not unlike(result, packets(case)), number
            accepted.append(result)
    return accepted


def test_calm_cases():
    accepted = agreeing((k, draw_train(k)) for k in range(150))
    assert len(accepted) > 40
    assert sum(r.packet_hops > r.packets for r in accepted) > 15
    assert sum(r.critical_path["link_wait"] > 0 for r in accepted) > 8


@pytest.mark.slow
def test_many_calm_cases():
    accepted = agreeing((k, draw_train(k)) for k in range(1000, 2000))
    assert len(accepted) > 300


def sound(number):
    """The case of the agreement suite, None where it is wrong in itself."""
    try:
        case = draw(number)
        return case if case.network and case.program() else None
    except CollsimError:
        return None


@pytest.mark.slow
def test_any_cases():
    assert len(agreeing((k, sound(k)) for k in range(200))) > 3


def test_both_modes_of_the_compiled_engine():
    for k in range(60):
        case = draw_train(k)
        if case is None:
            continue
        run = case.topology, case.program(), case.network
        whole, cut = compiled_engine.run(*run, seed=case.seed), compiled_engine.packets(*run, seed=case.seed)
        assert not unlike(whole, cut), k
        assert whole.train_fraction == (trains(case) is not None)
        assert cut.train_fraction == 0


def test_that_a_run_stops_for_a_look_at_ctrl_c_and_goes_on(monkeypatch):
    cases = [case for case in map(draw_train, range(60)) if case is not None]
    expected = [trains(case) for case in cases]
    sweep, looks = engine.sweep, []
    monkeypatch.setattr(engine, "A_PAUSE", 1)
    monkeypatch.setattr(engine, "sweep", lambda root: looks.append(0) or sweep(root))
    found = [trains(case) for case in cases]
    assert len(looks) > 3 * len(cases)
    assert [one is None for one in found] == [one is None for one in expected]
    assert not any(unlike(*pair) for pair in zip(found, expected, strict=True) if pair[0] is not None)
