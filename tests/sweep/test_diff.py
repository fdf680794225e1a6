"""Two files of results: what changed is found, with its ratio and its reason; what did not is not told."""

from dataclasses import replace

import pytest

import collsim
from collsim.errors import InvalidValue
from collsim.sweep.diff import compare_results
from collsim.sweep.results import Results
from collsim.sweep.store import Row


def small(**more):
    return collsim.sweep("ring4", ["ring", "direct"], ["1KiB", "2KiB"], engines="analytic", jobs=0, **more)


def changed(row, **results):
    return replace(row, results=row.results | results)


def test_a_sweep_and_its_repetition_are_alike():
    found = compare_results(small(), small())
    assert (found.same, found.changes, found.only_before, found.only_after) == (4, (), (), ())
    assert not found


def test_another_version_or_another_file_of_the_algorithm_is_the_same_point():
    first = small()
    rows = [replace(row, inputs=row.inputs | {"collsim": "9.9", "algorithm_source": "0"}) for row in first.rows]
    assert compare_results(first, Results(tuple(rows))).same == 4
    found = compare_results(first, Results(tuple(changed(row, time_fs=2 * row.results["time_fs"]) for row in rows)))
    assert {change.because for change in found.changes} == {("collsim", "algorithm_source")}
    assert {change.what for change in found.changes} == {("time_fs",)}


def test_times_that_differ_come_with_their_ratio_the_largest_first():
    first = small()
    a, b, c, d = first.rows
    later = Results((changed(a, time_fs=a.results["time_fs"] * 3 // 2), changed(b, time_fs=b.results["time_fs"] // 4), c, d))
    found = compare_results(first, later)
    assert [change.ratio for change in found.changes] == [pytest.approx(0.25, rel=1e-6), pytest.approx(1.5, rel=1e-6)]
    assert found.frame().ratio.tolist() == [change.ratio for change in found.changes]
    assert found.same == 2


def test_one_femtosecond_is_a_change_unless_it_is_tolerated():
    first = small()
    later = Results((changed(first.rows[0], time_fs=first.rows[0].results["time_fs"] + 1), *first.rows[1:]))
    assert len(compare_results(first, later).changes) == 1
    assert not compare_results(first, later, tolerance=1e-6)
    with pytest.raises(InvalidValue, match=r"not in 0\.\.1"):
        compare_results(first, later, tolerance=-1)


def test_verdicts_and_points_that_only_one_has_are_told():
    first = small()
    a, b, c, d = first.rows
    failed = replace(b, status="failed", error="it broke", results={})
    other = collsim.sweep("ring3", "ring", "1KiB", engines="analytic", jobs=0).rows
    found = compare_results(first, Results((changed(a, bound_exact=False), failed, c, *other)))
    assert [(change.what, change.ratio) for change in found.changes] == [(("bound_exact",), 1.0), (("status",), None)]
    assert found.changes[1].to_dict()["status_after"] == "failed"
    assert [row.key for row in found.only_before] == [d.key]
    assert [row.key for row in found.only_after] == [row.key for row in other]
    assert found


def test_a_point_that_is_refused_in_one_file_is_the_same_point():
    """What it would depend on is not known of it, only what was asked for."""
    (refused,) = collsim.sweep("ring3", "recursive-doubling", "1KiB", engines="analytic", jobs=0).rows
    (done,) = collsim.sweep("ring3", "ring", "1KiB", engines="analytic", jobs=0).rows
    done = replace(done, point=done.point | {"algorithm": "recursive-doubling"})
    for pair in ((refused, done), (done, refused)):
        found = compare_results(*(Results((row,)) for row in pair))
        assert [change.what for change in found.changes] == [("status",)]
        assert (found.only_before, found.only_after) == ((), ())
    other = replace(done, point=done.point | {"size": 7})
    assert len(compare_results(Results((refused,)), Results((other,))).only_before) == 1


def test_how_long_a_run_took_is_no_change():
    first = small()
    assert not compare_results(first, Results(tuple(replace(row, wall_s=9.0, host="elsewhere") for row in first.rows)))


def test_the_latest_row_of_a_point_counts():
    def row(version, finished, time):
        inputs = {"size": 1, "collsim": version}
        return Row(version, "run", "done", {"size": 1}, inputs, results={"time_fs": time}, finished=finished)

    two = Results((row("2", 20.0, 5), row("1", 10.0, 7)))
    assert not compare_results(two, Results((row("3", 30.0, 5),)))
