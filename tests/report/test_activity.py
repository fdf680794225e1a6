"""Timelines of programs: bars where ranks compute and collectives are in flight, as much as a page shows, refusals."""

from itertools import pairwise

import pytest

from collsim.errors import InvalidValue
from collsim.report.activity import MOST_ROWS, SHOWN, activity, plot_activity
from collsim.sweep.tensor_parallel_study import tensor_parallel

STUDY = tensor_parallel("gaudi3", "caatnet-130m", [0.5], mode="decode", batch=4)


def test_bars_add_up_to_the_computing_and_the_rest_is_in_flight():
    point, run = STUDY.points[0], STUDY.setting.kept(STUDY.points[0].scheme)
    computing, flying = activity(run.program, run.result, {run.hosts[0]: 0, run.hosts[3]: 1})
    for row in (0, 1):
        own = sorted((start, end) for at, start, end in computing if at == row)
        assert sum(end - start for start, end in own) == point.compute + point.copies
        calls = sorted((start, end) for at, start, end in flying if at == row)
        assert len(calls) == point.collectives
        # Nothing else happens: a collective begins when computing ends, and computing goes on when it is there.
        ends = sorted([*own, *calls])
        assert ends[0][0] == 0
        assert ends[-1][1] == point.time
        assert all(before[1] == after[0] for before, after in pairwise(ends))
    assert run.crossings is None


def test_a_panel_a_scheme_with_units_and_what_is_left_out(tmp_path):
    path = tmp_path / "out.svg"
    STUDY.plot_time(path)
    text = path.read_text()
    for words in ("stock Megatron: ", "caatnet, p = 0.5: ", "<!-- rank -->", "<!-- time -->", "<!-- communication -->"):
        assert words in text
    count = len(STUDY.setting.shortest(STUDY.points[0].scheme).ends)
    assert count == 8 < MOST_ROWS
    assert f"caatnet-130m, a token, TP 8 on gaudi3, the first {SHOWN} of " in text
    assert STUDY.plot_time().png.startswith(b"\x89PNG")


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(InvalidValue, match="no run"):
        plot_activity([], tmp_path / "out.png", "title")
    with pytest.raises(InvalidValue, match="png"):
        plot_activity([], tmp_path / "out.xyz", "title")
