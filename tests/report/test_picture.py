"""Pictures and tables as values of cells: what is drawn is what a file would hold, and texts are escaped."""

import io

import matplotlib.image
import pytest

import collsim
from collsim.errors import OutputError
from collsim.report.picture import Picture, html_table

COMPARISON = {"topology": "ring4", "algorithms": ["ring", "multitree"], "sizes": "1KiB,4KiB", "engine": "analytic"}


@pytest.fixture(scope="module")
def comparison():
    return collsim.compare(**COMPARISON)


def test_a_plot_without_a_path_is_what_the_file_would_be(comparison, tmp_path):
    drawn = comparison.plot(metric="bandwidth")
    assert comparison.plot(tmp_path / "file.png", metric="bandwidth") is None
    drawn.save(tmp_path / "saved.png")
    assert (tmp_path / "saved.png").read_bytes() == (tmp_path / "file.png").read_bytes()


def test_a_picture_says_how_wide_it_is_shown(comparison):
    png, shown = comparison.plot()._repr_png_()
    pixels = matplotlib.image.imread(io.BytesIO(png)).shape[1]
    assert shown == {"width": round(pixels / 1.5)}


def test_a_picture_is_not_saved_where_nothing_can_be_written(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        Picture(b"").save(tmp_path / "nowhere" / "picture.png")


def test_cells_are_escaped_and_aligned():
    table = html_table(["what", "size"], [["<b>", "1"]], note="a & b")
    assert table.count('text-align: left">&lt;b&gt;</td>') == table.count('text-align: right">1</td>') == 1
    assert table.endswith("<p>a &amp; b</p>")


def test_a_comparison_shows_texts_with_units_and_who_was_left_out():
    shown = collsim.compare("ring6", ["ring", "halving-doubling"], "1KiB", engine="analytic")._repr_html_()
    assert "GB/s</td>" in shown
    assert "halving-doubling left out: " in shown


def test_studies_show_a_table_and_a_picture():
    work = {"payload": "1MB", "compute_time": "100us", "iterations": 3}
    several = collsim.data_parallel([2, 4], "ssgd,dcs3gd", job=work, engine="analytic")
    one = collsim.data_parallel(4, "dcs3gd", job=work, engine="analytic")
    partial = collsim.tensor_parallel("gaudi3", "caatnet-130m", [1, 0.5], mode="decode", engine="analytic")
    for study, rows in ((several, 4), (one, 1), (partial, 3)):
        assert study._repr_html_().count("<tr><td") == rows
        assert study.plot().png.startswith(b"\x89PNG")
    assert '<th style="text-align: left">ranks</th>' in several._repr_html_()
