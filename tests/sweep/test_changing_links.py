"""Links that change under training jobs (rule 27): what comes before is untouched, what comes after slower."""

from dataclasses import replace

import pytest
from sweep.tensor_parallel_cases import ENGINE_NAMES, tiny

from collsim.errors import UsageError
from collsim.network.link_changes import parse_changes
from collsim.sweep.data_parallel import Job, data_parallel
from collsim.sweep.tensor_parallel_study import Study, baselines
from collsim.workloads.tensor_parallel import Scheme, stock
from collsim.workloads.training_step import StepRequest

JOB = Job(StepRequest(compute=10**11, size=10**5), iterations=6)


def iterations(*texts, engine="compiled", **machine):
    """Return (fs of each iteration of synchronous SGD on four ranks, its study)."""
    study = data_parallel(4, "ssgd", job=JOB, at=texts, engine=engine, **machine)
    return study.runs[0].timeline.steps().tolist(), study


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_iterations_before_a_change_are_as_ever_and_those_after_as_on_the_slower_machine(engine):
    fast, _ = iterations(engine=engine)
    slow, _ = iterations(engine=engine, degrade={"h0->s0": 0.1})
    assert set(fast) == {fast[0]}
    assert set(slow) == {slow[0]}
    assert slow[0] > fast[0]
    when = 2 * fast[0] + 10**10  # while the third computes
    found, study = iterations(f"{when}fs:h0->s0=0.1", f"{when + 2 * slow[0]}fs:h0->s0=restore", engine=engine)
    assert found == [fast[0], fast[0], slow[0], slow[0], fast[0], fast[0]]
    value = study.to_dict()
    assert value["link_changes"][0].endswith("h0->s0 at 1.6 GB/s")
    assert len(value["provenance"]["link_changes"]) == 64
    assert "link_changes" not in iterations(engine=engine)[1].to_dict()["provenance"]


def test_the_analytic_engine_refuses_links_that_change():
    with pytest.raises(UsageError, match="--engine compiled or simpy"):
        iterations("1us:h0->s0=0.5", engine="analytic")


def step(engine="compiled", **more):
    """Return a step of two ranks, few messages even for simpy."""
    return tiny(engine, tp=2, **more)


def changed(*texts, engine="compiled", **more):
    """Return the same step with links that change."""
    at = step(engine, **more)
    changes = parse_changes(at.plans.cases[0].topology, texts)
    cases = tuple(replace(case, changes=changes, known={}) for case in at.plans.cases)
    return replace(at, plans=replace(at.plans, cases=cases, made={}, chosen={}, bounds={}, times={}))


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_a_step_that_nothing_changes_in_is_what_its_micro_batches_take_one_by_one(engine):
    """A change behind the end lets the whole step be simulated in a row: the same time to the tick."""
    at, late = step(engine), changed("9s:gaudi0->gaudi1=0.5", engine=engine)
    for scheme in (stock(), Scheme(p=0.5)):
        one, two = at.run(scheme), late.run(scheme)
        assert (two.time, two.compute, two.copies, two.bound) == (one.time, one.compute, one.copies, one.bound)
        assert (two.step, two.collectives, two.sent, two.tokens) == (one.step, one.collectives, one.sent, one.tokens)
        assert two.whole
        assert two.exact


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_a_change_in_the_second_micro_batch_slows_what_follows_alone(engine):
    """All-reduces that begin after it take as long as on the machine slowed down from the start; those before as ever."""
    plain = step(engine).run(stock())
    micro = plain.time - step(engine, micro_batches=2).run(stock()).time
    slow = changed("0s:gaudi0->gaudi1=0.01", engine=engine).run(stock()).time
    shorter = changed("0s:gaudi0->gaudi1=0.01", engine=engine, micro_batches=2).run(stock()).time
    assert slow - shorter > micro
    # From just behind the first micro-batch on: one as ever, the rest of the step as on the slow machine.
    middle = changed(f"{micro + 1}fs:gaudi0->gaudi1=0.01", engine=engine).run(stock()).time
    assert middle == micro + shorter


def test_the_engines_agree_where_links_change():
    one, two = (
        changed("20us:gaudi0->gaudi1=0.05", "60us:gaudi0->gaudi1=restore", engine=e).run(Scheme(p=0.5)) for e in ENGINE_NAMES
    )
    assert one == replace(two, wall=one.wall, trains=one.trains, settled=one.settled)


def test_files_name_the_changes():
    at = changed("20us:gaudi0->gaudi1=0.05")
    base, own, share = baselines(at, Scheme())
    value = Study(at, "train", base, own, share, (own,)).to_dict()
    assert value["link_changes"] == ["20 us: gaudi0->gaudi1 at 3.75 GB/s"]
    assert len(value["provenance"]["link_changes"]) == 64
