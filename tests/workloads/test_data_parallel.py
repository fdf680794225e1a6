"""What must hold of stale-synchronous data parallelism and of the schemes beside it, in both engines, to the tick."""

from fractions import Fraction

import numpy as np
import pytest
from workloads.dp_cases import BUCKETS, ENGINE_NAMES, Machine

from collsim.errors import InvalidValue
from collsim.program import Call, Compute, Program
from collsim.workloads.data_parallel import SCHEMES, Work, part
from collsim.workloads.jitter import Jitter

SYNCHRONISED = ["dcs3gd", "eager-sgd", "local-sgd", "ssgd", "ssgd-overlap"]
NOISE = Jitter(0.3, seed=7, slow=((2, Fraction(5, 4)),), late=((1, 3, 3 * 10**9),))


@pytest.fixture(scope="module", params=ENGINE_NAMES)
def machine(request):
    return Machine(engine=request.param)


@pytest.mark.parametrize("ratio", [Fraction(1, 2), 1, 2])
def test_the_period_is_the_longer_of_computing_and_all_reduce_and_the_update(machine, ratio):
    t_ar = machine.alone()
    t_c = int(t_ar * ratio)
    line = machine.line("dcs3gd", machine.work(t_c))
    assert line.periods[0].tolist() == [t_c + 10**8] * 4
    assert (line.periods[1:] == max(t_c, t_ar) + 10**8).all()


def test_throughput_does_not_depend_on_bandwidth_while_the_all_reduce_is_hidden():
    slow, fast = Machine(bandwidth="16GB/s"), Machine(bandwidth="64GB/s")
    t_c = slow.alone()
    assert fast.alone() < t_c
    slower, faster = (m.line("dcs3gd", m.work(t_c)).ended for m in (slow, fast))
    assert (slower == faster).all()
    longer, shorter = (m.line("dcs3gd", m.work(t_c - 1)).ended for m in (slow, fast))
    assert (longer[1:] > shorter[1:]).all()


@pytest.mark.parametrize("name", ["dcs3gd", "ssgd", "ssgd-overlap", "local-sgd"])
def test_a_rank_has_one_collective_in_flight(machine, name):
    line = machine.line(name, machine.work(machine.alone(), jitter=NOISE, delay=2))
    for before, after in zip(line.exchanges, line.exchanges[1:], strict=False):
        assert (before.received <= after.posted).all()


@pytest.mark.parametrize("factor", [Fraction(1, 3), 2])
def test_the_all_reduce_overlaps_the_next_computing_and_never_its_update(machine, factor):
    line = machine.line("dcs3gd", machine.work(int(machine.alone() * factor), jitter=NOISE))
    for span in line.exchanges:
        following = span.iteration + 1
        assert (span.posted == line.ended[following - 1]).all()
        assert (span.posted <= line.begun[following]).all()
        assert (span.received > line.begun[following]).all()
        assert (span.received <= line.resumed[following]).all()
    assert [span.iteration for span in line.exchanges] == list(range(line.iterations - 1))


def test_the_gain_over_synchronous_sgd_is_at_most_two_where_both_times_are_equal(machine):
    t_ar = machine.alone()
    gains = {}
    for t_c in (t_ar // 4, t_ar // 2, t_ar, 2 * t_ar, 4 * t_ar):
        plain, stale = (machine.line(name, machine.work(t_c, update=0)) for name in ("ssgd", "dcs3gd"))
        gains[t_c] = Fraction(int(plain.periods[-1, 0]), int(stale.periods[-1, 0]))
    assert gains.pop(t_ar) == 2
    assert all(1 < gain < 2 for gain in gains.values())


@pytest.mark.parametrize("name", SYNCHRONISED)
@pytest.mark.parametrize("eta", [Fraction(1), Fraction(1, 3), Fraction(0)])
def test_the_law_is_what_runs_without_noise(machine, name, eta):
    scheme, times = SCHEMES.get(name), machine.times(name)
    for t_c in (times[0] // 2, 3 * sum(times)):
        for delay in (0, 1, 2) if name == "local-sgd" else (0,):
            work = machine.work(t_c, iterations=10, eta=eta, delay=delay)
            line = machine.line(name, work)
            assert (line.ended == scheme.predict(work, times).ended).all()
            assert Fraction(int(line.ended[9, 0] - line.ended[6, 0]), 3) == scheme.law(work, times)


@pytest.mark.parametrize("name", SYNCHRONISED)
@pytest.mark.parametrize(
    "topology, algorithm", [("ring4", "ring"), ("torus2x2", "multitree"), ("switch4", "halving-doubling")]
)
def test_with_noise_a_meeting_ends_when_the_recurrence_says(name, topology, algorithm):
    """done(k) = max_j post_j(k) + T_ar, comp_i(k+1) = post_i(k) + T_c,i(k+1), post_i(k+1) = max(comp, done) + T_u."""
    seen = []
    for engine in ENGINE_NAMES:
        machine = Machine(topology, algorithm, engine)
        times = machine.times(name)
        for eta, delay in ((Fraction(1), 0), (Fraction(2, 5), 2)):
            work = machine.work(sum(times), jitter=NOISE, rendezvous=True, eta=eta, delay=delay)
            line = machine.line(name, work)
            assert (line.ended == SCHEMES.get(name).predict(work, times).ended).all()
            seen.append(line.ended)
    assert all((one == other).all() for one, other in zip(seen[:2], seen[2:], strict=True))


@pytest.mark.parametrize("name", list(SCHEMES))
def test_both_engines_agree_where_ranks_come_and_go(name):
    ended = []
    for engine in ENGINE_NAMES:
        machine = Machine("torus2x2", "multitree", engine)
        ended.append(machine.line(name, machine.work(machine.alone(), jitter=NOISE, delay=1)).ended)
    assert (ended[0] == ended[1]).all()


def test_a_ring_without_latency_is_a_meeting_by_itself(machine):
    """Every chunk passes every rank, so nothing ends before all have come; with latencies, late ranks catch up a bit."""
    free = Machine(engine="compiled", latency="0")
    work = free.work(free.alone(), jitter=NOISE)
    assert (free.line("dcs3gd", work).ended == SCHEMES.get("dcs3gd").predict(work, [free.alone()]).ended).all()
    work = machine.work(machine.alone(), jitter=NOISE)
    found, expected = machine.line("dcs3gd", work).ended, SCHEMES.get("dcs3gd").predict(work, [machine.alone()]).ended
    assert (found <= expected).all()
    assert (expected - found).max() <= 2 * (machine.ranks - 1) * 150 * 10**6


@pytest.mark.parametrize("shorter", [Fraction(1, 4), Fraction(1, 2), Fraction(1)])
@pytest.mark.parametrize("late", [0, 10**9, 5 * 10**9, 40 * 10**9])
def test_a_late_rank_delays_the_others_by_what_the_slack_does_not_take(machine, shorter, late):
    t_ar = machine.alone()
    t_c = int(t_ar / shorter)
    noise = Jitter(late=((1, 2, late),))
    line = machine.line("dcs3gd", machine.work(t_c, jitter=noise, rendezvous=True))
    calm = machine.line("dcs3gd", machine.work(t_c, rendezvous=True))
    delay = line.ended - calm.ended
    others = [0, 2, 3]
    assert (delay[:3, others] == 0).all()
    assert (delay[3:, others] == max(0, late + t_ar - t_c)).all()
    assert (delay[2:, 1] == late).all()


def test_noise_is_absorbed_up_to_the_slack_and_a_slow_node_is_not(machine):
    t_c, slow = 2 * machine.alone(), Fraction(5, 4)
    line = machine.line("dcs3gd", machine.work(t_c, iterations=12, jitter=Jitter(slow=((3, slow),)), rendezvous=True))
    periods = line.periods[:, 0]
    assert (periods[:2] == t_c + 10**8).all()
    assert (periods[-4:] == int(slow * t_c) + 10**8).all()


@pytest.mark.parametrize("eta", [Fraction(0), Fraction(1, 4), Fraction(9, 10), Fraction(1)])
@pytest.mark.parametrize("longer", [Fraction(1, 2), Fraction(1), Fraction(3)])
def test_exposed_is_what_overlap_efficiency_leaves(machine, eta, longer):
    t_ar = machine.alone()
    t_c = int(t_ar / longer)
    waits = machine.line("dcs3gd", machine.work(t_c, eta=eta)).waits
    hidden = int(part(np.array([t_c]), 1 - eta)[0])
    assert (waits[1:] == max(0, t_ar - (t_c - hidden))).all()
    assert abs(waits[-1, 0] - max(0, t_ar - eta * t_c)) < 1


def test_buckets_hide_and_the_last_is_always_exposed(machine):
    halves = machine.times("ssgd-overlap")
    t_c = 30 * sum(halves)
    waits = machine.line("ssgd-overlap", machine.work(t_c)).waits
    assert (waits == halves[1]).all()
    blocked = machine.line("ssgd-overlap", machine.work(t_c, eta=Fraction(0))).waits
    assert (blocked == sum(halves)).all()
    assert (machine.line("ssgd", machine.work(t_c)).waits == machine.alone()).all()


def test_local_steps_and_late_averages_expose_what_their_law_says(machine):
    t_ar = machine.alone()
    t_c, t_u = t_ar // 4, 10**8
    for delay, exposed in ((0, t_ar), (1, t_ar - t_c), (2, t_ar - 2 * t_c - t_u), (3, t_ar - 3 * t_c - 2 * t_u)):
        line = machine.line("local-sgd", machine.work(t_c, iterations=12, delay=delay))
        assert line.ended[11, 0] - line.ended[8, 0] == 3 * (t_c + t_u) + max(0, exposed)


def test_a_server_is_bound_by_its_link():
    """N P / BW each way; where both ways never overlap, at most T_c + T_u + 2 P N / BW and the way there and back."""
    machine = Machine("switch5", size=2**22)
    hosts = tuple(range(4))
    work = Work(hosts, Jitter().times(10**9, 4, 10), 10**9, 0, 2**22, machine.plan, servers=(4,))
    written = SCHEMES.get("asgd").write(work)
    result = machine.run(written.program)
    ended = result.operation_finish[written.ended].max(axis=2)
    one_way = 4 * 2**22 * 10**15 // (16 * 10**9)
    first, period = ended[0].max(), (ended[9].min() - ended[3].min()) / 6
    assert one_way + 10**9 < first < 10**9 + 2 * one_way + 10**9
    assert period == pytest.approx(one_way, rel=0.01)
    assert SCHEMES.get("asgd").law(work, [1, one_way]) == one_way


def test_an_asynchronous_rank_alone_takes_its_own_way():
    machine = Machine("switch3", size=2**20)
    jitter = Jitter(slow=((1, Fraction(1000)),))
    work = Work((0, 1), jitter.times(10**9, 2, 4), 10**9, 10**8, 2**20, machine.plan, servers=(2,))
    written = SCHEMES.get("asgd").write(work)
    ended = machine.run(written.program).operation_finish[written.ended].max(axis=2)
    assert ended[3, 0] < ended[0, 1]


def test_every_scheme_computes_and_updates_alike_on_the_same_draws():
    machine = Machine()
    work = machine.work(10**9, jitter=NOISE)
    for name in SCHEMES:
        operations = SCHEMES.get(name).write(work).program.operations
        spent = [0] * 4
        for operation in operations:
            if isinstance(operation, Compute) and operation.label.startswith("compute"):
                spent[operation.host] += operation.duration
        assert spent == work.compute.sum(axis=0).tolist()


def test_one_bucket_and_no_overlap_are_the_same_program_in_time():
    machine = Machine()
    whole = ((machine.size, Fraction(1)),)
    one = machine.line("ssgd-overlap", machine.work(10**9, jitter=NOISE, buckets=whole)).ended
    assert (one == machine.line("ssgd", machine.work(10**9, jitter=NOISE)).ended).all()
    assert sum(size for size, _ in BUCKETS) == machine.size


def test_delayed_averaging_after_every_step_is_stale_synchronous():
    machine = Machine()
    one = machine.line("local-sgd", machine.work(10**9, jitter=NOISE, local_steps=1, delay=1)).ended
    assert (one == machine.line("dcs3gd", machine.work(10**9, jitter=NOISE)).ended).all()


def test_every_scheme_but_those_of_the_same_program_is_tested():
    writers = {SCHEMES.get(name).write for name in SCHEMES if not SCHEMES.get(name).asynchronous}
    assert writers == {SCHEMES.get(name).write for name in SYNCHRONISED}


def test_programs_hold_one_call_an_all_reduce():
    machine = Machine()
    calls = {}
    for name in SYNCHRONISED:
        program: Program = SCHEMES.get(name).write(machine.work(10**9)).program
        calls[name] = sum(isinstance(operation, Call) for operation in program.operations)
    assert calls == {
        **{"dcs3gd": 5, "ssgd": 6, "eager-sgd": 6, "ssgd-overlap": 12, "local-sgd": 1},
    }


@pytest.mark.parametrize(
    "options, words",
    [
        ({"eta": Fraction(3, 2)}, "overlap efficiency 1.5 is not in 0..1"),
        ({"eta": Fraction(-1, 2)}, "overlap efficiency -0.5"),
        ({"local_steps": 0}, "takes 0 steps"),
        ({"delay": 4}, "4 steps late"),
        ({"delay": -1}, "-1 steps late"),
    ],
)
def test_work_that_makes_no_sense_is_refused(options, words):
    with pytest.raises(InvalidValue, match=words):
        Machine().work(10**9, **options)
