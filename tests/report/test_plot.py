import pytest

from collsim.errors import InvalidValue, OutputError
from collsim.report.plot import plot_comparison, plot_schedule, plot_topology
from collsim.simulate import prepare
from collsim.sweep.compare import compare
from collsim.topology import load

MAGIC = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}


@pytest.mark.parametrize("suffix", sorted(MAGIC))
def test_formats_are_what_their_suffix_says(tmp_path, suffix):
    path = tmp_path / f"ring{suffix}"
    plot_topology(load("ring4"), path)
    assert path.read_bytes().startswith(MAGIC[suffix])


def test_topology_drawing_names_everything(tmp_path):
    path = tmp_path / "out.svg"
    plot_topology(load("fattree2"), path)
    text = path.read_text()
    for word in ("<!-- h0 -->", "<!-- host -->", "<!-- switch -->", "<!-- link, 16 GB/s -->"):
        assert word in text


@pytest.mark.parametrize("metric, label", [("time", "time"), ("bandwidth", "algorithm bandwidth (GB/s)")])
def test_comparison_has_units_bound_and_every_algorithm(tmp_path, metric, label):
    found = compare("ring4", ["ring", "multitree"], "4KiB:1MiB:x16", engine="analytic")
    path = tmp_path / "out.svg"
    found.plot(path, metric)
    text = path.read_text()
    for word in (label, "ring", "multitree", "er bound", "1 MiB", "all-reduce on ring4, 4 ranks"):
        assert f"{word} -->" in text
    tick = "100 us" if metric == "time" else "5"
    assert f"<!-- {tick} -->" in text


def test_a_machine_without_switches_counts_none(tmp_path):
    path = tmp_path / "out.svg"
    plot_topology(load("ring4"), path)
    assert "<!-- ring4: 4 hosts, 8 directed links -->" in path.read_text()
    plot_topology(load("switch4"), path)
    assert "<!-- switch4: 4 hosts, 1 switch, 8 directed links -->" in path.read_text()


def test_names_are_left_out_where_they_would_overlap(tmp_path):
    path = tmp_path / "out.svg"
    plot_topology(load("dgx-a100-x2"), path)
    assert "<!-- gpu15 -->" in path.read_text()
    plot_topology(load("switch79"), path)
    assert "<!-- s0 -->" in path.read_text()
    plot_topology(load("fattree4x2"), path)
    assert path.read_text().count("<!-- leaf") == 4


def test_hosts_of_a_schedule_carry_the_number_of_their_rank(tmp_path):
    case = prepare("ring4", placement=[3, 1])
    plan, _ = case.plan("ring", 4096)
    path = tmp_path / "steps.svg"
    plot_schedule(plan, case.topology, path, 0, 0)
    text = path.read_text()
    assert [f"<!-- {number} -->" in text for number in range(4)] == [True, True, False, False]


def test_schedule_drawing_has_one_panel_a_step(tmp_path):
    case = prepare("torus3x3")
    plan, _ = case.plan("multitree", 4096)
    path = tmp_path / "steps.svg"
    plot_schedule(plan, case.topology, path)
    text = path.read_text()
    assert [f"<!-- step {step} -->" in text for step in range(plan.steps + 1)] == [True] * plan.steps + [False]


def test_impossible_figures_are_refused(tmp_path):
    case = prepare("ring32")
    plan, _ = case.plan("ring", 4096)
    with pytest.raises(InvalidValue, match="--steps"):
        plot_schedule(plan, case.topology, tmp_path / "out.png")
    with pytest.raises(InvalidValue, match="png"):
        plot_topology(case.topology, tmp_path / "out.xyz")
    with pytest.raises(InvalidValue, match="no run"):
        plot_comparison([], tmp_path / "out.png")
    with pytest.raises(OutputError):
        plot_topology(load("ring4"), tmp_path / "no" / "out.png")


def test_speedups_are_bars_with_their_numbers(tmp_path):
    found = compare("torus3x3", ["ring", "multitree"], "4KiB,64KiB", engine="analytic")
    path = tmp_path / "out.svg"
    found.plot(path, "speedup")
    text = path.read_text()
    for word in ("speedup over ring", "1.00", f"{found.speedup(found.outcomes[1]):.2f}", "64 KiB", "multitree"):
        assert f"<!-- {word} -->" in text


def test_a_single_size_stands_in_the_middle(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr("collsim.report.plot.save", lambda figure, path: kept.append(figure))
    compare("ring4", ["ring"], "1MiB", engine="analytic").plot(tmp_path / "out.png", "time")
    low, high = kept[0].axes[0].get_xlim()
    assert low < 2**19 < 2**21 < high
