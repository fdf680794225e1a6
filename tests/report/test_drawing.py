"""What figures of machines promise to the eye: nothing cut off by the page, nothing over the title, nodes seen."""

import matplotlib.collections as shapes
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from collsim.report import plot, plot_runs, plot_speedups
from collsim.simulate import simulate
from collsim.topology import Link, build, load
from collsim.topology.layout import circle

ROWS = ("torus8", "torus2", "switch2", "leafspine8x8x4", "dgx-a100-x2", "fattree4", "hypercube64", "torus4x4")


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Return a function that draws and gives back the figure as it stands on its page."""
    kept = []
    for module in (plot, plot_runs, plot_speedups):
        monkeypatch.setattr(module, "save", lambda figure, path: kept.append(figure))

    def draw(how, *what):
        how(*what, tmp_path / "out.png")
        figure = kept.pop()
        FigureCanvasAgg(figure).draw()
        return figure

    return draw


def texts(figure):
    """Return (words, place) of all that is written, hidden axes left out."""
    written = [one for legend in figure.legends for one in legend.get_texts()]
    for axes in figure.axes:
        written += [axes.title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            written.append(axis.label)
            written += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [(one.get_text(), one.get_window_extent()) for one in written if one.get_text().strip()]


def check_page(figure):
    """Assert that all words lie on the page and no name reaches into the title."""
    for words, box in texts(figure):
        assert box.x0 > -1 and box.y0 > -1, words  # noqa: PT018
        assert box.x1 < figure.bbox.x1 + 1 and box.y1 < figure.bbox.y1 + 1, words  # noqa: PT018
    axes = figure.axes[0]
    title = axes.title.get_window_extent()
    for name in axes.texts:
        assert not name.get_window_extent().overlaps(title), name.get_text()


@pytest.mark.parametrize("name", ROWS)
def test_machines_stay_on_their_page(name, drawn):
    check_page(drawn(plot.plot_topology, load(name)))


@pytest.mark.parametrize("name", ROWS)
def test_use_of_links_stays_on_its_page_with_its_scale(name, drawn):
    figure = drawn(plot_runs.plot_links, simulate(name, "ring", size="64KiB", engine="analytic"))
    assert "share of the run that the link was sending" in [words for words, _ in texts(figure)]
    check_page(figure)


def test_a_long_name_is_broken_over_lines(drawn):
    row = [Link(*ends, 10**9, 0) for ends in ((0, 1), (1, 0))]
    machine = build("a machine whose owner has given it a very long name " * 3, 2, row, forwards=[True] * 2)
    check_page(drawn(plot.plot_topology, machine))
    check_page(drawn(plot_runs.plot_links, simulate(machine, "ring", size="4KiB", engine="analytic")))


@pytest.mark.parametrize("name", ["fattree8", "switch512", "dragonfly2x4x2"])
def test_nodes_are_seen_and_not_all_rim(name, drawn):
    axes = drawn(plot.plot_topology, load(name)).axes[0]
    scale = 72 / 100 * float(np.diff(axes.transData.transform([[0, 0], [1, 0]])[:, 0])[0])
    (hosts,) = (one for one in axes.collections if isinstance(one, shapes.EllipseCollection))
    across = 2 * hosts._widths * scale
    rims = np.broadcast_to(hosts.get_linewidths(), across.shape)
    assert across.min() > 1.2
    assert (rims < across / 4).all()


@pytest.mark.slow
def test_long_names_stay_on_every_page(drawn):
    long = "a-name-that-somebody-gave-to-tell-it-from-all-others-of-this-hall"
    star = [Link(*ends, 10**9, 10**6) for k in range(4) for ends in ((k, 4), (4, k))]
    machine = build(
        f"{long}-{long}", 4, star, switches=1, names=[f"{long}-{k}" for k in range(5)], coordinates=[*circle(4), (0, 0)]
    )
    run = simulate(machine, "ring", size="1MiB", crossings=True)
    for how, *what in (
        (plot.plot_topology, machine),
        (plot_runs.plot_links, run),
        (plot_runs.plot_time, run),
        (plot_runs.plot_steps, run.schedule, machine),
        (plot.plot_comparison, [run]),
        (plot_speedups.plot_speedups, [(run, 1.0)]),
    ):
        figure = drawn(how, *what)
        check_page(figure)
        boxes = [name.get_window_extent() for name in figure.axes[0].texts]
        assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k]), how
        title = figure.axes[0].title.get_window_extent()
        assert not any(title.overlaps(legend.get_window_extent()) for legend in figure.legends)


def test_the_shortest_bars_are_seen(drawn):
    run = simulate("torus2", "ring", size=1, crossings=True)
    axes = drawn(plot_runs.plot_time, run).axes[0]
    (bars,) = (one for one in axes.collections if isinstance(one, shapes.PolyCollection))
    wide = [np.ptp(path.vertices[:, 0]) for path in bars.get_paths()]
    assert min(wide) >= 0.0009 * run.result.time


@pytest.mark.parametrize("name", ["nvl72", "dgx-a100-x2", "nvl4x2", "hypercube64"])
def test_names_do_not_run_into_each_other(name, drawn):
    names = drawn(plot.plot_topology, load(name)).axes[0].texts
    assert names
    boxes = [text.get_window_extent() for text in names]
    assert not [(a.x0, b.x0) for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b)]
