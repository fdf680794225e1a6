"""Trains within a run of packets: where one is split, what of it stands, and that no result depends on it."""

import random
from dataclasses import replace

import pytest
from agreement.cases import Case
from agreement.draw import packet_hops
from agreement.draw_machine import draw_machine
from agreement.draw_program import draw_items
from engines.tiny import machine
from engines.train_cases import SETTINGS, packets, unlike

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.schedule import ScheduleBuilder
from collsim.engines.compiled.build import LOG_LIMIT
from collsim.engines.compiled.engine import prepare, simulate
from collsim.engines.compiled.recording import Recording
from collsim.engines.engine import ENGINES
from collsim.errors import ClockOverflow, CollsimError
from collsim.network.config import NetworkConfig
from collsim.program import Call, Compute, Program, Send, single_call
from collsim.topology import load
from collsim.units import MAX_TIME

CROSS = machine(3, 0, (0, 1), (2, 0), forwards=[True] * 3)
"""0 sends to 1 over one link, and 2 sends to 1 over the same link behind its own."""


class Ran:
    """A run of packets with trains: its result, how many packet-hops went in trains, how many messages were split."""

    def __init__(self, topology, program, network, seed=0, limit=LOG_LIMIT):
        def begin():
            return prepare(topology, program, network, seed, trains=True).arrays

        arrays = Recording(begin(), begin, limit).arrays
        self.trained, self.split = int(arrays.root["trained"][0]), int((arrays.message["split"] > 0).sum())
        self.result = simulate(topology, program, network, seed, log_limit=limit, trains=True)


def crossing(late, size=50, **settings):
    """Five packets from 0, and one from 2 that asks for their link at `late`."""
    program = Program((Send(0, 1, size), Compute(2, late - 1), Send(2, 1, 10, deps=(1,))))
    network = NetworkConfig().with_settings({"packet_payload": 10} | settings)
    ran = Ran(CROSS, program, network)
    for other in (simulate(CROSS, program, network, 0), ENGINES.get("simpy")(CROSS, program, network)):
        assert not unlike(ran.result, other)
    return ran


@pytest.mark.parametrize("late", range(1, 61))
def test_where_a_train_is_split(late):
    # Packets are granted at 0, 10, ..., 40. Those before `late` stand; at equal ticks the FIFO goes before the NIC.
    ran, ticks = crossing(late), -(-late // 10)
    assert ran.split == (late <= 40)
    assert ran.trained == min(ticks, 5 if late > 40 else 4)
    assert ran.result.message_finish.tolist() == [60 if late <= 40 else 50, 10 + (10 * ticks if late < 50 else late)]
    assert ran.result.link_busy[0] == 60
    assert ran.result.train_fraction == ran.trained / 7


@pytest.mark.parametrize("late", [1, 9, 13, 14, 33, 34, 43, 44, 53, 60])
@pytest.mark.parametrize("header, arbitration", [(3, "round-robin"), (3, "lowest-step"), (4, "oldest")])
def test_a_reserved_channel(late, header, arbitration):
    crossing(late, 47, flow_control="message", header=header, arbitration=arbitration)
    crossing(late, 47, flow_control="message", header=header, virtual_channels=3, vc_allocation="most-room")


def test_an_own_message_waits_and_splits_nothing():
    program = Program((Send(0, 1, 50, step=3), Compute(0, 15), Send(0, 1, 30, deps=(1,))))
    ran = Ran(CROSS, program, NetworkConfig().with_settings({"packet_payload": 10}))
    assert (ran.split, ran.trained) == (0, 8)
    assert ran.result.message_finish.tolist() == [50, 80]


@pytest.mark.parametrize("settings", [{"ports": 1}, {"nic_scheduler": "round-robin"}])
def test_where_the_nic_looks_around_after_every_packet_there_are_no_trains(settings):
    assert crossing(60, **settings).trained == 0


def test_the_clock_runs_over_at_the_packet_that_exceeds_it():
    program = Program((Compute(0, MAX_TIME - 45), Send(0, 1, 50, deps=(0,))))
    network = NetworkConfig().with_settings({"packet_payload": 10})
    for trains in (False, True):
        with pytest.raises(ClockOverflow):
            simulate(CROSS, program, network, 0, trains=trains)
    inside = Program((Compute(0, MAX_TIME - 50), Send(0, 1, 50, deps=(0,))))
    assert simulate(CROSS, inside, network, 0, trains=True).time == MAX_TIME


def draw_meeting(number):
    """Grids whose hosts send long messages to neighbours and others through them; lockstep among the schedulers."""
    rng = random.Random(f"meeting {number}")
    settings = {key: rng.choice(values) for key, values in SETTINGS.items() if key != "ports"}
    settings["nic_scheduler"] = rng.choice((None, "fifo", "lowest-step", "shortest-first", "lockstep"))
    settings = {key: value for key, value in settings.items() if value is not None}
    grid = draw_machine(rng, "dimension-order", knot=False)
    hosts, payload = grid.topology.hosts, int(str(settings.get("packet_payload", 4096)))
    ends = list(zip(grid.topology.source.tolist(), grid.topology.target.tolist(), strict=True))
    items = list(draw_items(rng, grid.topology, settings, payload, crowded=False)) if rng.random() < 0.5 else []
    for _ in range(rng.randint(2, 12)):
        source, target = rng.choice(ends) if rng.random() < 0.5 else (rng.randrange(hosts), rng.randrange(hosts))
        deps = (rng.randrange(len(items)),) if items and rng.random() < 0.3 else ()
        items.append(Send(source, target, rng.randrange(1, 40 * payload), step=rng.randrange(4), deps=deps))
    case = Case(grid, tuple(items), settings, rng.randrange(9))
    while packet_hops(case) > 3000:
        case = replace(case, items=tuple(replace(i, size=i.size // 2) if hasattr(i, "size") else i for i in case.items))
    return case


def meeting(numbers):
    """Hold cases against both packet engines; return (cases with trains, cases with splits)."""
    with_trains, with_splits = 0, 0
    for number in numbers:
        try:
            case = draw_meeting(number)
            program, network = case.program(), case.network
            expected = packets(case)
        except CollsimError:
            continue
        ran = Ran(case.topology, program, network, case.seed, limit=number % 3 * 500 + 50)
        assert not unlike(ran.result, expected), number
        assert not unlike(ran.result, simulate(case.topology, program, network, case.seed)), number
        with_trains, with_splits = with_trains + (ran.trained > 0), with_splits + (ran.split > 0)
    return with_trains, with_splits


def test_messages_that_meet():
    trains, splits = meeting(range(80))
    assert trains > 50
    assert splits > 20


@pytest.mark.slow
def test_many_messages_that_meet():
    trains, splits = meeting(range(1000, 1500))
    assert trains > 300
    assert splits > 150


@pytest.mark.parametrize(
    "settings", [{}, {"nic_scheduler": "lockstep"}, {"nic_scheduler": "lockstep", "lockstep_estimate": 1}]
)
def test_a_schedule_of_single_links_is_all_trains(settings):
    topology = load("mesh4x4")
    schedule = ALGORITHMS.get("multitree").schedule(topology, collective("all-reduce"))
    network = NetworkConfig().with_settings({"packet_payload": 256} | settings)
    program = single_call(schedule, 64 * 1024)
    ran = Ran(topology, program, network)
    assert not unlike(ran.result, simulate(topology, program, network, 0))
    assert ran.result.train_fraction == 1


FAN = machine(4, 0, (0, 1), (0, 2), (0, 3), (0, 2, 0, 10), forwards=[True] * 4)
TO_1, TO_2, TO_3, SLOWLY_TO_2 = range(4)


def step_after(*sends):
    """A call of sends by host 0, (bytes, target, link) each, and in the next step one of 10 bytes to host 3."""
    builder = ScheduleBuilder(collective("all-reduce"), "by hand", range(4), [size for size, _, _ in sends] + [10])
    for chunk, (_, target, link) in enumerate(sends):
        builder.add(0, 0, target, chunk, 0, path=(link,))
    builder.add(1, 0, 3, len(sends), 0, path=(TO_3,))
    return Call(builder.finish(), sum(size for size, _, _ in sends) + 10)


@pytest.mark.parametrize(
    "operations, step_wait",
    [
        # A train's last packet is granted at 90, long after the packet that leaves with it over a slow link.
        ((step_after((100, 1, TO_1), (10, 2, SLOWLY_TO_2)),), 100),
        # Two trains whose last packets are granted in one tick: the lower link counts, though its train began later.
        ((Send(0, 1, 50), step_after((100, 2, TO_2), (50, 1, TO_1))), 10),
    ],
)
def test_what_opened_a_step_where_two_sends_end_in_one_tick(operations, step_wait):
    network = NetworkConfig().with_settings({"packet_payload": 10, "nic_scheduler": "lockstep", "lockstep_estimate": 1})
    ran = Ran(FAN, Program(operations), network)
    assert ran.trained >= 10
    assert ran.result.critical_path["step_wait"] == step_wait
    for other in (simulate(FAN, Program(operations), network, 0), ENGINES.get("simpy")(FAN, Program(operations), network)):
        assert not unlike(ran.result, other)
