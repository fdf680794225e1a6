"""Places and runs of data-parallel schemes: machines sized by ranks, servers, windows, rates, and the same run shared."""

from fractions import Fraction

import pytest

from collsim.errors import InvalidValue, UnknownName
from collsim.sweep.data_parallel import Job, data_parallel, parse_schemes, place, runs
from collsim.sweep.data_parallel_machine import machine_name
from collsim.workloads.data_parallel import SCHEMES
from collsim.workloads.jitter import Jitter
from collsim.workloads.training_step import StepRequest

STEP = StepRequest(compute=10**11, size=10**6)


@pytest.mark.parametrize(
    "topology, ranks, name",
    [
        (None, 8, "switch9"),
        ("switch", 8, "switch9"),
        ("ring", 8, "ring8"),
        ("torus", 12, "torus4x3"),
        ("mesh", 16, "mesh4x4"),
        ("hypercube", 16, "hypercube16"),
        ("leafspine4x{ranks}x2", 4, "leafspine4x4x2"),
        ("torus4x4", 8, "torus4x4"),
        ("dgx-a100", 8, "dgx-a100"),
    ],
)
def test_machines_follow_the_ranks(topology, ranks, name):
    assert machine_name(topology, ranks, ranks + 1) == name


def test_servers_sit_behind_the_ranks_or_on_them():
    names = ["asgd"]
    assert place(Job(STEP), 4, None, "ring", names).servers == (4,)
    assert place(Job(STEP, servers=2), 4, "torus4x2", "ring", names).servers == (4, 5)
    assert place(Job(STEP, servers=2), 4, "ring4", "ring", names).servers == (0, 1)
    assert place(Job(STEP), 4, None, "ring", ["ssgd"]).case.topology.name == "switch4"


def test_all_is_every_scheme_and_the_baseline_comes_first():
    assert parse_schemes("all")[0] == "ssgd"
    assert set(parse_schemes("all")) == set(SCHEMES)
    assert parse_schemes("dcs3gd, ssgd,dcs3gd") == ("ssgd", "dcs3gd")


def test_schemes_of_one_program_share_a_run():
    where = place(Job(STEP, iterations=4), 3, None, "ring", ["dcs3gd", "pipe-sgd"])
    done = {run.scheme.name: run for run in runs([where], ["dcs3gd", "pipe-sgd"])}
    assert list(done) == ["ssgd", "dcs3gd", "pipe-sgd"]
    assert done["pipe-sgd"].timeline is done["dcs3gd"].timeline


def test_rates_and_shares_follow_from_the_mean():
    study = data_parallel(4, "ssgd,dcs3gd", job=Job(STEP, iterations=5))
    plain, stale = study.runs
    step = plain.place.step
    assert plain.mean == step.compute + plain.alone + step.update
    assert stale.mean == max(step.compute, stale.alone) + step.update
    assert plain.throughput == pytest.approx(4 * 64 * 1e15 / float(plain.mean))
    assert plain.efficiency == pytest.approx((step.compute + step.update) / float(plain.mean))
    assert plain.exposed == plain.alone
    assert study.records()[1]["speedup_over_ssgd"] == pytest.approx(float(plain.mean / stale.mean))
    assert list(study.frame()["scheme"]) == ["ssgd", "dcs3gd"]
    assert str(study).count("samples/s") == 2


@pytest.mark.parametrize("noise", [Jitter(0.4, seed=3), Jitter(0.4, seed=5), Jitter(slow=((1, Fraction(3)),))])
def test_efficiency_is_the_share_of_time_in_work_and_never_above_one(noise):
    """Over the nominal T_c draws that are shorter made it up to 1.1; ranks that wait for nobody reach nearly 1."""
    step = StepRequest(compute=10**12, size=1000, update=10**9)
    study = data_parallel(4, "all", job=Job(step, iterations=8, jitter=noise))
    for run in study.runs:
        line, window = run.timeline, run.window
        busy = (line.computed - line.begun + line.ended - line.resumed)[window].sum() / line.periods[window].sum()
        assert run.efficiency <= 1 + 1e-12
        if run.scheme.asynchronous:
            assert run.efficiency > 0.99
        else:
            assert run.efficiency == pytest.approx(float(busy))


def test_rounds_of_local_steps_are_measured_whole():
    for iterations in (11, 12, 13, 14):
        (run,) = data_parallel(3, "local-sgd", job=Job(STEP, iterations=iterations)).runs
        assert (run.window.stop - run.window.start) % 4 == 0
        assert run.mean == run.law


def test_a_global_batch_is_divided():
    job = Job(StepRequest(), whole=256, iterations=3)
    few, many = (data_parallel(n, "ssgd", job=job).runs[0] for n in (2, 4))
    assert (few.samples, many.samples) == (128, 64)
    assert few.place.step.compute > many.place.step.compute


def test_asynchronous_iterations_are_counted_while_all_ranks_run():
    """One server on its own switch port: N P / BW an iteration, with packets of which a message has 25 to 50."""
    job = Job(StepRequest(compute=10**9, size=10**8, update=0), iterations=12)
    (run,) = data_parallel(4, "asgd", job=job).runs
    assert run.law == Fraction(4 * 10**8 * 10**15, 16 * 10**9)
    assert run.mean == pytest.approx(run.law, rel=1e-3)
    assert run.place.server_case.network.packet.packet_payload == 2**21
    assert run.place.case.network.packet.packet_payload == 4096


def test_two_servers_share_the_load():
    job = Job(StepRequest(compute=10**9, size=10**8, update=0), iterations=8, servers=2)
    (run,) = data_parallel(4, "asgd", job=job).runs
    assert run.law == Fraction(2 * 10**8 * 10**15, 16 * 10**9)
    assert run.mean == pytest.approx(run.law, rel=0.05)


def test_an_update_is_a_number_of_memory_streams():
    request = StepRequest(memory_bandwidth=10**12, streams=8)
    assert request.update_time(10**8) == 8 * 10**8 * 10**15 // 10**12
    assert StepRequest(streams=0, accelerator="multitree-isca21").update_time(10**8) == 0


@pytest.mark.parametrize("rendezvous", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_no_iteration_is_shorter_in_the_mean_than_its_bound(seed, rendezvous):
    """Also where all draws are short by chance, and T_c + T_u, which they have in the long run, is longer."""
    noise = Jitter(2.0, seed=seed, slow=((1, Fraction(1, 2)),))
    job = Job(StepRequest(compute=10**10, size=10**4, update=10**8), iterations=4, jitter=noise, rendezvous=rendezvous)
    study = data_parallel(3, "all", job=job)
    for run in study.runs:
        assert (run.least is None) == run.scheme.asynchronous
        assert run.least is None or 0 < run.least <= run.mean
    calm = data_parallel(3, "all", job=Job(StepRequest(compute=10**10, size=10**4, update=10**8), iterations=4))
    assert {run.least for run in calm.runs} == {10**10 + 10**8, None}
    assert all(run.computing == 10**10 for run in calm.runs)


@pytest.mark.slow
def test_sixty_four_ranks_and_all_schemes_take_seconds():
    """Processor time, which a busy machine does not stretch."""
    from time import process_time

    data_parallel(4, "all")
    began = process_time()
    study = data_parallel(64, "all")
    assert process_time() - began < 5
    assert len(study.runs) == len(list(SCHEMES))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Job(iterations=0), "0 iterations"),
        (lambda: Job(warmup=20), "leaves none of 20"),
        (lambda: Job(servers=0), "0 parameter servers"),
        (lambda: StepRequest(streams=-1), "-1 memory streams"),
        (lambda: StepRequest(word=0), "0 bytes"),
        (lambda: data_parallel(1, "ssgd"), "among 1 ranks"),
        (lambda: data_parallel(9, "ssgd", topology="ring8"), "9 ranks do not fit 'ring8'"),
        (lambda: machine_name("torus", 7, 7), "7 ranks do not form a torus"),
    ],
)
def test_nonsense_is_refused(make, words):
    with pytest.raises(InvalidValue, match=words):
        make()


def test_a_job_in_words_is_that_of_the_command_line():
    from collsim.cli.workload_dp import dp
    from collsim.sweep.data_parallel_job import USUAL, job_from_words

    chosen = dp.make_context("dp", []).params
    assert {name: chosen[name] for name in USUAL} == USUAL
    assert job_from_words({}) == Job()
    assert job_from_words({"jitter": 0.1, "eta": 0.5, "iterations": 1}) == Job(
        iterations=1, warmup=0, jitter=Jitter(0.1), eta=Fraction(1, 2)
    )
    with pytest.raises(UnknownName, match=r"'jiter'\. Did you mean 'jitter'"):
        job_from_words({"jiter": 0.1})
