"""Jobs as texts, where they run, and the one program they become."""

import pytest

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.errors import InvalidValue, UnknownName
from collsim.program import Call, Compute
from collsim.topology import load
from collsim.workloads.jobs import Job, jobs_program, parse_job, parse_jobs, place_jobs
from collsim.workloads.speeds import Speeds, parse_speeds

MS, US = 10**12, 10**9


def test_a_text_is_an_algorithm_ranks_and_a_size():
    assert parse_job("ring:16:16MiB", "A") == Job("A", "ring", 16, 16 << 20)
    full = parse_job("multitree:ports=1:4:1KiB:calls=3:start=1ms:compute=2us:collective=all-gather:name=x", "A")
    assert full == Job("x", "multitree:ports=1", 4, 1024, "all-gather", 3, MS, 2 * US)


def test_the_text_of_a_job_gives_it_back():
    assert parse_job("ring:4:1KiB:collective=partial-all-reduce:p=0.5,h=64:calls=2", "A").collective.endswith(":p=0.5,h=64")
    for text in (
        "ring:16:16MiB",
        "ring:4:1KiB:collective=partial-all-reduce:p=0.5,h=64",
        "multitree:ports=1:4:1KiB:calls=3:start=1ms:compute=2us:collective=all-gather:name=x",
    ):
        job = parse_job(text, "A")
        assert parse_job(job.text, "B") == job


@pytest.mark.parametrize(
    "text",
    [
        "ring",
        "ring:16",
        "16:1MiB",
        ":4:1MiB",
        "ring:4:1MiB:calls",
        "ring:4:1MiB:calls=0",
        "ring:1:1MiB",
        "ring:4:0",
        "ring:4:x",
    ],
)
def test_what_is_no_job_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_job(text, "A")


def test_unknown_keys_name_the_known_ones():
    with pytest.raises(UnknownName, match="compute"):
        parse_job("ring:4:1MiB:computes=1us", "A")


def test_jobs_are_called_by_letters_and_once():
    assert [job.name for job in parse_jobs(["ring:2:1B", "ring:2:1B:name=Z", "ring:2:1B"])] == ["A", "Z", "C"]
    with pytest.raises(InvalidValue, match="called A"):
        parse_jobs(["ring:2:1B", "ring:2:1B:name=A"])
    with pytest.raises(InvalidValue, match="no job"):
        parse_jobs([])


def jobs_of(*ranks):
    return [Job(str(k), "ring", count, 1) for k, count in enumerate(ranks)]


def test_packed_jobs_lie_side_by_side_and_spread_ones_alternate():
    assert place_jobs(jobs_of(3, 2), 8, "packed") == ((0, 1, 2), (3, 4))
    assert place_jobs(jobs_of(4, 4), 8, "spread") == ((0, 2, 4, 6), (1, 3, 5, 7))
    # A third of the hosts each, the free ones too.
    assert place_jobs(jobs_of(3, 3), 9, "spread") == ((0, 3, 6), (1, 4, 7))
    # Twice the ranks, twice as often.
    assert place_jobs(jobs_of(4, 2), 6, "spread") == ((0, 2, 3, 5), (1, 4))


@pytest.mark.parametrize("placement", ["packed", "spread", "random:0", "random:7"])
@pytest.mark.parametrize("ranks", [(2, 2), (16,), (5, 7, 2), (2, 9, 3, 2)])
def test_hosts_belong_to_one_job_and_each_job_gets_its_ranks(placement, ranks):
    places = place_jobs(jobs_of(*ranks), 16, placement)
    assert tuple(map(len, places)) == ranks
    used = [host for place in places for host in place]
    assert len(set(used)) == len(used)
    assert set(used) <= set(range(16))
    assert places == place_jobs(jobs_of(*ranks), 16, placement)


def test_spread_jobs_are_nowhere_far_from_even():
    places = place_jobs(jobs_of(8, 16, 4), 64, "spread")
    for place in places:
        for end in range(1, 65):
            assert abs(sum(host < end for host in place) - len(place) * end / 64) <= 1.5


def test_random_places_differ_by_seed():
    assert place_jobs(jobs_of(8, 8), 16, "random:1") != place_jobs(jobs_of(8, 8), 16, "random:2")
    assert place_jobs(jobs_of(8, 8), 16, "random") == place_jobs(jobs_of(8, 8), 16, "random:0")


def test_too_many_ranks_and_unknown_placements_are_refused():
    with pytest.raises(InvalidValue, match="17 ranks in all and the machine 16 hosts"):
        place_jobs(jobs_of(9, 8), 16, "packed")
    for name in ("packd", "packed:3", "linear"):
        with pytest.raises(UnknownName, match="random:SEED"):
            place_jobs(jobs_of(2), 16, name)
    with pytest.raises(InvalidValue):
        place_jobs(jobs_of(2), 16, "random:x")


def plans(jobs, places, machine):
    entry, _ = parse_algorithm("ring")
    return [entry.schedule(machine, collective(job.collective), place) for job, place in zip(jobs, places, strict=True)]


def test_the_program_chains_calls_and_computations_of_each_job():
    machine = load("switch8")
    jobs = parse_jobs(["ring:3:1KiB:calls=2:compute=2us:start=1us", "ring:2:1MiB"])
    speeds = parse_speeds([f"h{k}" for k in range(8)], ["1=2"])
    placed = jobs_program(jobs, plans(jobs, place_jobs(jobs, 8, "packed"), machine), speeds)
    kinds = [type(operation) for operation in placed.program.operations]
    assert kinds == [Compute] * 3 + [Call] + [Compute] * 3 + [Call] + [Call]
    assert placed.first == (0, 8, 9)
    operations = placed.program.operations
    # A start is a time of the clock, a computation takes a slow host twice as long.
    assert [o.duration for o in operations[:3]] == [US, US, US]
    assert [o.duration for o in operations[4:7]] == [2 * US, 4 * US, 2 * US]
    assert [o.deps for o in operations] == [(), (), (), (0, 1, 2), (3,), (3,), (3,), (4, 5, 6), ()]


def test_a_job_alone_keeps_its_ids():
    machine = load("switch8")
    jobs = parse_jobs(["ring:3:1KiB:calls=2:compute=2us", "ring:2:1MiB"])
    schedules = plans(jobs, place_jobs(jobs, 8, "packed"), machine)
    both, alone = (jobs_program(jobs, schedules, Speeds.even(8), only) for only in (None, 1))
    assert alone.first == both.first
    assert alone.program.first_message.tolist() == both.program.first_message.tolist()
    assert [o.size for o in alone.program.operations if isinstance(o, Call)] == [0, 0, 1 << 20]
    assert [o.duration for o in alone.program.operations if isinstance(o, Compute)] == [0, 0, 0]


def test_endless_jobs_are_refused():
    machine = load("switch8")
    jobs = parse_jobs(["ring:2:1KiB:calls=100000"])
    with pytest.raises(InvalidValue, match="fewer calls"):
        jobs_program(jobs, plans(jobs, [(0, 1)], machine), Speeds.even(8))
