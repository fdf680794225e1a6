"""The five schedulers, and the custom one of the documentation, by the order in which a port sends."""

import re
from itertools import groupby
from pathlib import Path

import pytest
from engines.reference_cases import LATENCY, RATE, ring, ring_all_reduce, simulate, star

from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, ScheduleBuilder
from collsim.errors import InvalidValue, UnknownName
from collsim.network.schedulers import ESTIMATES, SCHEDULERS, Scheduler, StepLoad
from collsim.program import Call, Send
from collsim.registry import Registry
from collsim.units import parse_time, serialisation_fs

PAGE = Path(__file__).parents[2] / "docs" / "add-a-nic-scheduler.md"
SER = serialisation_fs(4096, RATE)


class Order:
    """Messages in the order in which host 0 sends their packets."""

    def __init__(self):
        self.sent = []

    def on_grant(self, link, message, packet, time, *, final, **_):
        if not final:
            self.sent.append((time, message))


def order(*sizes_and_steps, **settings):
    """Host 0 of a star sends these (size, step) messages at once."""
    watch = Order()
    sends = [Send(0, 1, size, step=step) for size, step in sizes_and_steps]
    simulate(star(2), *sends, observers=[watch], **settings)
    return [message for _, message in sorted(watch.sent)]


MESSAGES = [(3 * 4096, 2), (2 * 4096, 1), (4 * 4096, 0), (4096, 1)]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("fifo", [0, 0, 0, 1, 1, 2, 2, 2, 2, 3]),
        ("lowest-step", [2, 2, 2, 2, 1, 1, 3, 0, 0, 0]),
        ("shortest-first", [3, 1, 1, 0, 0, 0, 2, 2, 2, 2]),
        ("round-robin", [0, 1, 2, 3, 0, 1, 2, 0, 2, 2]),
        ("lockstep", [2, 2, 2, 2, 1, 1, 3, 0, 0, 0]),
    ],
)
def test_order_of_a_port(name, expected):
    assert order(*MESSAGES, nic_scheduler=name) == expected


def test_round_robin_stays_with_a_message_under_message_based_flow_control():
    sent = order(*MESSAGES, nic_scheduler="round-robin", flow_control="message")
    assert [message for message, _ in groupby(sent)] == [0, 1, 2, 3]


def test_a_port_stays_with_a_message_that_a_better_one_overtakes():
    watch = Order()
    sends = [Send(1, 0, 1), Send(0, 1, 9 * 4096, step=5), Send(0, 1, 4096, deps=(0,), step=0)]
    simulate(star(2, latency=1), *sends, observers=[watch])
    assert [m for _, m in sorted(watch.sent) if m != 0] == [1] * 9 + [2]


def test_the_page_shows_a_scheduler_that_works(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks[0].strip().splitlines()) <= 10
    kept = dict(SCHEDULERS._entries), dict(SCHEDULERS._aliases)
    try:
        exec(blocks[0], {"__name__": "page"})
        assert order(*MESSAGES, nic_scheduler="longest-first") == [2, 2, 2, 2, 0, 0, 0, 1, 1, 3]
        exec(blocks[1], {})
        assert re.fullmatch(r"\d+ fs\n", capsys.readouterr().out)
    finally:
        SCHEDULERS._entries, SCHEDULERS._aliases = kept


def test_the_page_names_every_scheduler_and_every_field():
    text = PAGE.read_text()
    assert set(SCHEDULERS) == {"fifo", "lowest-step", "shortest-first", "round-robin", "lockstep"}
    for word in (*SCHEDULERS, "id", "step", "ready", "size", "left", "place"):
        assert f"`{word}`" in text


def test_unknown_names_are_answered():
    with pytest.raises(UnknownName, match="fifo"):
        order(*MESSAGES, nic_scheduler="fifa")
    with pytest.raises(UnknownName, match="oracle"):
        order(*MESSAGES, nic_scheduler="lockstep", lockstep_estimate="orakel")


def test_a_scheduler_registers_once():
    registry = Registry("NIC scheduler")
    registry.add("x", Scheduler("x", lambda m: (m.id,), ""))
    with pytest.raises(InvalidValue, match="twice; give one of the two another name"):
        registry.add("x", Scheduler("x", lambda m: (m.id,), ""))


def test_running_a_cell_again_replaces_what_it_defined_and_nothing_else():
    def cell(module):
        def mine(message):
            return (message.id,)

        mine.__module__, mine.__qualname__ = module, "mine"
        return Scheduler("mine", mine, "")

    registry = Registry("NIC scheduler")
    registry.add("mine", cell("__main__"))
    again = registry.add("mine", cell("__main__"))
    assert registry.get("mine") is again
    with pytest.raises(InvalidValue, match="twice"):
        registry.add("mine", cell("some.package"))
    other = cell("__main__")
    other.key.__qualname__ = "another function under the same name"
    with pytest.raises(InvalidValue, match="twice"):
        registry.add("mine", other)


def steps_plan(*transfers):
    plan = ScheduleBuilder(collective("all-gather"), "steps", range(3), [1] * len(transfers), unit=1)
    for chunk, (step, src, dst) in enumerate(transfers):
        plan.add(step, src, dst, chunk, COPY)
    return plan.finish()


def sent_at(plan, size, **settings):
    watch = Order()
    simulate(star(3), Call(plan, size), observers=[watch], nic_scheduler="lockstep", **settings)
    return [time for time, _ in sorted(watch.sent)]


def test_lockstep_waits_for_the_estimate_and_for_empty_steps():
    plan = steps_plan((0, 0, 1), (3, 0, 2))
    assert sent_at(plan, 4096, lockstep_estimate="2us") == [0, 3 * parse_time("2us")]
    assert sent_at(plan, 4096) == [0, SER]


def test_lockstep_opens_no_step_before_the_last_one_is_injected():
    plan = steps_plan((0, 0, 1), (1, 0, 2))
    assert sent_at(plan, 4096 * 5, lockstep_estimate="0ns") == [k * SER for k in range(10)]
    assert sent_at(plan, 4096, lockstep_estimate=1) == [0, SER]


def test_lockstep_oracle_waits_for_all_transfers_of_a_step():
    plan = steps_plan((0, 0, 1), (0, 1, 2), (1, 2, 0))
    assert sent_at(plan, 4096, lockstep_estimate="oracle") == [0, 0, SER + 2 * LATENCY + 1]


def test_formulas_of_presets():
    formula = ESTIMATES["multitree-isca21"]
    assert formula(StepLoad(0, 58, False)) == parse_time("58ns")
    assert formula(StepLoad(0, 100, False)) == parse_time("772ns")
    assert formula(StepLoad(0, 100, True)) == parse_time("672ns")
    waiting = simulate(
        ring(4), Call(ring_all_reduce(4), 4 * 4096), nic_scheduler="lockstep", lockstep_estimate="multitree-isca21"
    )
    assert waiting.time == 6 * (SER + LATENCY)
