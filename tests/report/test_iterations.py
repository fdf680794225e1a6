"""Timelines and scaling as figures: written as images, nothing to draw refused, bars where the times are."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from collsim.errors import InvalidValue
from collsim.report.iterations import _panel, plot_scaling, plot_timelines
from collsim.workloads.timeline import Span, Timeline

MS = 10**12


def line(ranks=3, iterations=4):
    """Ranks compute 5 ms, wait 2, update 1."""
    begun = np.repeat(8 * MS * np.arange(iterations)[:, None], ranks, axis=1)
    ended = begun + 8 * MS
    spans = tuple(Span(k, begun[k] + 5 * MS, begun[k] + 7 * MS) for k in range(iterations))
    return Timeline(begun, begun + 5 * MS, begun + 7 * MS, ended, spans)


def record(scheme, ranks):
    return {"scheme": scheme, "ranks": ranks, "samples_per_s": 90.0 * ranks, "efficiency": 0.9}


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_figures_are_written(tmp_path, suffix):
    plot_timelines([("ssgd", line()), ("dcs3gd", line())], tmp_path / f"a.{suffix}", "title")
    plot_scaling([record(s, n) for s in ("ssgd", "dcs3gd") for n in (2, 4)], tmp_path / f"b.{suffix}", "title")
    assert all((tmp_path / f"{name}.{suffix}").stat().st_size > 5000 for name in "ab")


def test_bars_are_where_the_times_are():
    axes = Figure().add_subplot()
    _panel(axes, line(), 3, 32.0)
    spans = {}
    for bars in axes.collections:
        colour = tuple(bars.get_facecolor()[0].round(3)) if len(bars.get_paths()) else None
        spans.setdefault(colour, []).extend((p.vertices[:, 0].min(), p.vertices[:, 0].max()) for p in bars.get_paths())
    spans.pop(None, None)
    lengths = sorted(round(b - a, 6) for found in spans.values() for a, b in found)
    assert lengths == [1.0] * 12 + [2.0] * 24 + [5.0] * 12


def test_nothing_to_draw_is_refused(tmp_path):
    for draw in (plot_timelines, plot_scaling):
        with pytest.raises(InvalidValue, match="no scheme to draw"):
            draw([], tmp_path / "a.png", "title")
