import pytest

from collsim.errors import CollsimError, InvalidValue, UnknownName
from collsim.sweep.compare import collect, compare, parse_sizes, split_algorithms


@pytest.mark.parametrize(
    "text, sizes",
    [
        ("32KiB:2MiB:x4", [2**15, 2**17, 2**19, 2**21]),
        ("1KiB:5000:x2", [1024, 2048, 4096]),
        ("1MiB:3MiB:+1MiB", [2**20, 2**21, 3 * 2**20]),
        ("4MB", [4 * 10**6]),
        ("1KiB,3KiB,1KiB", [1024, 3072]),
        ([1, "2KiB"], [1, 2048]),
    ],
)
def test_sizes_are_expanded(text, sizes):
    assert parse_sizes(text) == tuple(sizes)


@pytest.mark.parametrize(
    "text", ["", "0", "1:2", "4KiB:1KiB:x2", "1KiB:4KiB:x1", "1KiB:4KiB:*2", "1:1e9:+1", "1KiB:4KiB:+0", "0:4:x2", "a"]
)
def test_sizes_without_sense_are_refused(text):
    with pytest.raises(InvalidValue):
        parse_sizes(text)


def test_options_stay_with_their_algorithm():
    assert split_algorithms("ring, multitree:ports=1,order=id,ring,direct") == [
        "ring",
        "multitree:ports=1,order=id",
        "direct",
    ]


def test_one_algorithm_needs_no_list():
    assert [run.algorithm for run in compare("ring4", "ring", "4KiB", engine="analytic").outcomes] == ["ring"]


def test_a_comparison_has_one_row_a_run_and_is_honest_about_refusals():
    found = compare("torus3x3", ["ring", "recursive-doubling", "multitree"], "4KiB,64KiB", engine="analytic")
    frame = found.frame()
    assert frame.algorithm.tolist() == ["ring", "multitree"] * 2
    assert [r.algorithm for r in found.refusals] == ["recursive-doubling"] * 2
    assert "torus3x3" in found.refusals[0].reason
    assert (frame.percent_of_bound <= 100).all()
    ring, tree = (found.outcome(name, 65536) for name in ("ring", "multitree"))
    assert found.speedup(tree) == ring.result.time / tree.result.time
    assert found.best(65536).result.time == min(ring.result.time, tree.result.time)


def test_a_misspelt_algorithm_stops_before_anything_runs():
    with pytest.raises(UnknownName, match="multitree"):
        compare("ring4", ["ring", "multitre"], "4KiB")


def test_a_schedule_that_serves_several_sizes_is_proved_once():
    from collsim.simulate import prepare

    case = prepare("torus3x3", engine="analytic")
    assert case.run("ring", 4096).schedule is case.run("ring", 8192).schedule


def test_errors_are_one_kind():
    with pytest.raises(CollsimError):
        compare("torus3x", ["ring"], "4KiB")


def test_a_size_is_complete_when_all_have_run_or_refused():
    names = ("ring", "recursive-doubling")
    found = compare("torus3x3", names, "4KiB,8KiB", engine="analytic")
    assert [found.complete(size) for size in found.sizes] == [True, True]
    interrupted = collect(names, found.sizes, [*found.outcomes[:1], *found.refusals[:1], found.outcomes[1]])
    assert [interrupted.complete(size) for size in found.sizes] == [True, False]


def test_options_may_be_spelt_as_those_of_run(capsys):
    from collsim.cli.main import invoke

    words = ["--topo", "ring4", "--engine", "analytic"]
    assert invoke(["compare", *words, "--algo", "ring,direct", "--size", "1KiB"]) == 0
    short = capsys.readouterr().out
    assert invoke(["compare", *words, "--algos", "ring,direct", "--sizes", "1KiB"]) == 0
    assert capsys.readouterr().out == short
