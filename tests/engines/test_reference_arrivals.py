"""Arrivals: many messages at times of their own, in one operation."""

import numpy as np
import pytest
from engines.reference_cases import LATENCY, RATE, ring, simulate, star

from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue, UsageError
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Compute, Program, Send
from collsim.units import serialisation_fs

SER = serialisation_fs(4096, RATE)


def arrivals(*rows, deps=()):
    source, target, size, start = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Arrivals(source, target, size, start, deps)


def test_a_message_is_released_at_its_time_and_waits_for_its_link():
    result = simulate(star(2), arrivals((0, 1, 4096, 0), (0, 1, 4096, 7), (0, 1, 4096, 10 * SER)))
    assert result.message_ready.tolist() == [0, 7, 10 * SER]
    assert result.message_started.tolist() == [0, SER, 10 * SER]
    assert result.message_finish.tolist() == [n * SER + 2 * LATENCY + 1 for n in (1, 2, 11)]
    assert result.operation_finish.tolist() == [result.time]
    assert result.critical_path["compute"] == 10 * SER
    assert sum(result.critical_path.values()) == result.time


def test_they_do_what_a_computation_and_a_send_each_would_do():
    draw = np.random.default_rng(5)
    rows = []
    for start in np.sort(draw.integers(0, 40 * SER, 60)).tolist():
        source, target = draw.choice(5, 2, replace=False).tolist()
        rows.append((source, target, int(draw.integers(0, 9000)), start))
    pairs = []
    for k, (source, target, size, start) in enumerate(rows):
        pairs += [Compute(source, start), Send(source, target, size, (2 * k,))]
    for machine in (ring(5), star(5)):
        together, apart = simulate(machine, arrivals(*rows)), simulate(machine, *pairs)
        for name in ("message_ready", "message_started", "message_finish", "link_busy", "link_bytes"):
            assert getattr(together, name).tolist() == getattr(apart, name).tolist(), name
        assert together.critical_path == apart.critical_path


def test_times_count_from_the_start_of_the_operation_on_the_source():
    late = simulate(star(3), Compute(0, 1000), arrivals((0, 1, 4096, 5), (2, 1, 4096, 5), deps=(0,)), Compute(1, 1, (1,)))
    assert late.message_ready.tolist() == [1005, 5]
    assert late.operation_finish[1] == late.message_finish.max()
    assert late.operation_finish[2] == late.message_finish.max() + 1


def test_messages_to_oneself_and_empty_ones_start_on_no_link():
    result = simulate(star(2), arrivals((0, 0, 4096, 3), (0, 1, 0, 4)))
    assert result.message_started.tolist() == [-1, -1]
    assert result.message_finish.tolist() == [3, 4]


def test_columns_are_checked():
    one, two = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
    with pytest.raises(InvalidValue, match="one row a message"):
        Arrivals(one, one, one, two)
    with pytest.raises(InvalidValue, match="start -1"):
        Arrivals(one, one, one, one - 1)
    with pytest.raises(InvalidValue, match="host 7"):
        simulate(star(2), arrivals((0, 7, 1, 0)))


def test_the_analytic_engine_refuses_them_by_name():
    with pytest.raises(UsageError, match="open-loop traffic"):
        ENGINES.get("analytic")(star(2), Program((arrivals((0, 1, 1, 0)),)), NetworkConfig())
