"""Late exchanges: the period is max(T_compute, T_exchange) to the femtosecond, where exchanges begin on all GPUs at once."""

from dataclasses import replace

import pytest

from collsim.network.config import NetworkConfig
from collsim.sweep.multi_site import runs, setting, to_dict
from collsim.topology import load
from collsim.topology.compose import Wan, join_sites
from collsim.workloads.multi_site import Job, crossing
from collsim.workloads.multi_site_late import staleness_program

SECOND = 10**15
SMALL = Job(96 * 10**6, 8, 1024, 1 << 16, 2, 2, micro_batches=4)
SHORT, LONG = 10**12, SECOND
"""Computing that an exchange of SMALL, 60 ms and more, outlasts, and computing that outlasts it."""


def steps(machine, job=SMALL, compute=LONG, **options):
    """Return (hierarchical, late) of `job`, without accidents of a hash unless settings say otherwise."""
    engine, rendezvous = options.pop("engine", "compiled"), options.pop("rendezvous", True)
    network = NetworkConfig().with_settings({"routing": "up-down", **options})
    at = setting(machine, job, network=network, engine=engine, compute=compute, rendezvous=rendezvous)
    return tuple(runs(at, ("hierarchical", "late")))


def expect_the_longer(plain, late):
    """Expect every period to be max(T_compute, T_exchange), each measured alone; return whether that is the exchange."""
    computing, exchange = plain.step - plain.communication, plain.communication
    assert set(late.late.periods) == {max(computing, exchange)}
    assert set(late.late.exchanges) == {exchange}
    assert late.step == max(computing, exchange)
    assert late.late.exact
    return exchange > computing


@pytest.mark.parametrize("sites", [2, 3])
@pytest.mark.parametrize("compute", [1, SHORT, LONG])
@pytest.mark.parametrize("channels", ["auto", "16", "17"])
def test_the_period_is_the_longer_of_computing_and_exchange(sites, compute, channels):
    plain, late = steps(load(f"nvl2x2x{sites}"), compute=compute, virtual_channels=channels)
    assert expect_the_longer(plain, late) == (compute < LONG)


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
@pytest.mark.parametrize("sites", [2, 3])
@pytest.mark.parametrize("compute", [SHORT, LONG])
def test_it_is_in_both_engines(engine, sites, compute):
    job = replace(SMALL, parameters=10**6, micro_batches=2)
    plain, late = steps(load(f"nvl2x2x{sites}"), job, compute, engine=engine, packet_payload="64KiB")
    assert expect_the_longer(plain, late) == (compute == SHORT)


def test_computing_as_long_as_the_exchange_and_some_femtoseconds_more_or_less():
    job = replace(SMALL, pipeline=1)
    exchange = steps(load("nvl2x2x2"), job)[0].communication
    gaps = []
    for more in (-8, 0, 8):
        plain, late = steps(load("nvl2x2x2"), job, exchange + more)
        expect_the_longer(plain, late)
        gaps.append(late.late.compute - exchange)
    assert -16 < gaps[0] < gaps[1] <= 0 < gaps[2] < 16


def test_64_gpus_whose_exchange_limits_and_whose_computing_does():
    job = Job(10**12, 86, 30960, 4 * 10**6, 8, 2, micro_batches=2)
    for rate, longer in ((8 * 10**9, True), (10**11, False)):
        machine = join_sites(load("nvl8x4"), 2, Wan(rate, 30 * 10**12, 1, 0))
        plain, late = steps(machine, job, 60 * SECOND, packet_payload="4GiB")
        assert expect_the_longer(plain, late) is longer


@pytest.mark.parametrize("settings", [{"routing": "ecmp"}, {"routing": "ecmp", "message_overhead": "1us"}])
def test_where_exchanges_differ_by_their_draws_each_period_is_the_longer_of_computing_and_its_own(settings):
    late = steps(load("nvl2x2x3"), compute=SHORT, **settings)[1].late
    assert len(set(late.exchanges)) > 1
    assert late.periods == tuple(max(late.compute, x) for x in late.exchanges)
    assert late.exact


def test_the_meeting_costs_what_messages_cost():
    """There and back: two overheads, a part of each exchange; nothing where messages have none."""
    plain, late = steps(load("nvl2x2x2"), compute=SHORT, message_overhead="1us")
    assert set(late.late.exchanges) == {plain.communication + 2 * 10**9}


@pytest.mark.slow
def test_without_a_rendezvous_the_wide_area_never_idles_in_the_long_run():
    """What was 1.5 % off: hosts that are done early send on idle links, and delays hide: bytes / R, to the femtosecond."""
    job, rate = Job(10**12, 86, 30960, 4 * 10**6, 8, 2), 8 * 10**9
    machine = join_sites(load("nvl8x4"), 2, Wan(rate, 30 * 10**12, 1, 0))
    plain, late = steps(machine, job, 60 * SECOND, rendezvous=False, virtual_channels="17")
    assert late.step == late.step_law == crossing(2, 2 * 10**12) * SECOND // rate
    assert late.step < plain.communication
    assert not late.late.exact


def test_the_split_of_a_step_adds_up():
    plain, late = steps(load("nvl2x2x2"), compute=SHORT)
    for way in (plain, late):
        assert SHORT + way.inside + way.across == way.step
    assert late.across > 0.9 * late.step
    assert steps(load("nvl2x2x2"))[1].across == 0


def test_files_hold_the_periods():
    at = setting(load("nvl2x2x2"), SMALL, compute=LONG)
    found = to_dict(at, list(runs(at, ("hierarchical", "late"))))["ways"]
    assert "late" not in found[0]
    assert found[1]["late"]["equal_to_the_longer"] is True
    assert found[1]["late"]["periods_s"] == [found[1]["step_s"]] * 5


def test_steps_follow_each_other_on_every_host():
    """Three steps on four hosts in two groups: nothing begins before what it waits for, and exchanges begin at once."""
    from collsim.collectives.algorithm import parse_algorithm
    from collsim.collectives.collective import collective
    from collsim.engines.engine import ENGINES

    machine = load("switch4")
    plan = parse_algorithm("ring")[0].schedule(machine, collective("all-reduce"), (0, 1), None)
    written = staleness_program([(0, 1), (2, 3)], plan, 1 << 20, 10**9, 3, channels=5)
    result = ENGINES.get("compiled")(machine, written.program, NetworkConfig(), seed=0)
    calls = [k for row in written.exchanged for k in row]
    first = [int(written.program.first_message[k]) for k in calls]
    starts = result.message_started[first]
    assert (starts[0] == starts[1], starts[2] == starts[3], starts[4] == starts[5]) == (True, True, True)
    assert [number % 5 for number in first[::2]] == [first[0] % 5] * 3
    periods, exchanges = written.periods(result.operation_finish)
    assert periods == [max(10**9, x) for x in exchanges]
