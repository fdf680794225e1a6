"""An algorithm in a file of one's own: named by its path, proved like any other, and checked on many machines."""

import json
import re
from pathlib import Path

import pytest

from collsim.cli.main import invoke
from collsim.collectives.algorithm import ALGORITHMS, parse_algorithm
from collsim.errors import CollsimError, FileFormatError, InvalidValue, UnknownName

DOCS = Path(__file__).resolve().parents[2] / "docs"
STAR = re.search(r"```python\n(.*?)```", (DOCS / "add-an-algorithm.md").read_text(), re.DOTALL)[1]


@pytest.fixture
def star(tmp_path):
    """The star of the documentation, in a file."""
    path = tmp_path / "star.py"
    path.write_text(STAR)
    return path


def test_the_documented_file_runs_and_is_checked(star, capsys):
    assert invoke(["run", "--topo", "mesh3x3", "--algo", str(star), "--engine", "analytic", "--json", "-"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["transfers"] == 16
    assert value["steps"] == 2
    assert invoke(["algo", "check", str(star), "--topo", "switch8", "--topo", "mesh3x3"]) == 0
    assert "2 proved, 0 refused, 0 wrong." in capsys.readouterr().out
    assert invoke(["algo", "show", str(star)]) == 0
    assert "nobody's" in capsys.readouterr().out


def test_it_stands_beside_registered_ones_and_is_never_registered(star, capsys):
    algos = f"ring,{star},{star}:star"
    words = ["compare", "--topo", "mesh3x3", "--sizes", "1KiB", "--engine", "analytic", "--json", "-"]
    assert invoke([*words, "--algos", algos]) == 0
    times = {run["algorithm"]: run["time_s"] for run in json.loads(capsys.readouterr().out)["runs"]}
    assert times[str(star)] == times[f"{star}:star"] != times["ring"]
    assert "star" not in ALGORITHMS


def test_options_and_modules_beside_the_file(star):
    (star.parent / "weights_of_star.py").write_text("WEIGHTS = [1, 1]\n")
    text = STAR.replace("weights=[1]", "weights=WEIGHTS[:parts]").replace("hint):", "hint, *, parts: int = 1):")
    star.write_text("from weights_of_star import WEIGHTS\n" + text)
    assert parse_algorithm(f"{star}:star:parts=2")[1] == parse_algorithm(f"{star}:parts=2")[1] == {"parts": 2}
    with pytest.raises(UnknownName, match="Did you mean 'parts'"):
        parse_algorithm(f"{star}:part=2")


def test_an_edited_file_is_read_again(star):
    assert parse_algorithm(str(star))[0].title == "all to the rank in the middle and back"
    star.write_text(STAR.replace("all to the rank in the middle and back", "once more"))
    assert parse_algorithm(str(star))[0].title == "once more"


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        ("def star(:\n", FileFormatError, "line 1: not Python"),
        ("\n1 / 0\n", FileFormatError, "line 2: running it failed with ZeroDivisionError"),
        ("x = 1\n", FileFormatError, "holds no algorithm"),
        (STAR.replace('"star",', '"ring",', 1), FileFormatError, "registered twice"),
        (STAR + STAR.replace('"star",', '"moon",', 1), InvalidValue, "holds 2 algorithms"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(star, content, error, says):
    star.write_text(content)
    with pytest.raises(error, match=re.escape(says)):
        parse_algorithm(str(star))


@pytest.mark.parametrize(
    ("name", "says"), [("sta.py", "Did you mean"), ("star.py:sta", "Did you mean 'star'"), ("star.txt", "end in .*[.]py")]
)
def test_names_that_lead_nowhere(star, name, says):
    with pytest.raises(CollsimError, match=says):
        parse_algorithm(str(star.parent / name))


def test_a_wrong_schedule_or_formula_or_refusal_is_found(star, capsys):
    wrong = {
        "lacks the contribution of rank": STAR.replace("builder.add(1, centre, rank, chunk=0, op=COPY)", "pass"),
        "its formula '2' gives 3": STAR.replace("n: 2)", "n: 3)"),
        "its formula 'n-1' gives 5": STAR.replace("n: n - 1", "n: 5"),
        "named as suited": STAR.replace("    centre =", '    raise star.refuse(topology, "no.")\n    centre ='),
    }
    for says, text in wrong.items():
        star.write_text(text)
        assert invoke(["algo", "check", str(star), "--topo", "switch8"]) == 1
        out = capsys.readouterr().out
        assert "0 proved, 0 refused, 1 wrong." in out
        assert says in out


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("return builder.finsh()", "star failed with AttributeError in star.py, line"),
        ("return builder", "star returned a ScheduleBuilder, not a Schedule; end it with 'return builder.finish()'."),
    ],
)
def test_a_mistake_in_the_function_is_its_authors(star, capsys, wrong, says):
    star.write_text(STAR.replace("return builder.finish()", wrong))
    assert invoke(["run", "--topo", "switch4", "--algo", str(star), "--engine", "analytic"]) == 1
    err = capsys.readouterr().err
    assert says in err
    assert "fault of collsim" not in err


def test_a_name_that_is_a_file_here_is_told_so(star, monkeypatch):
    monkeypatch.chdir(star.parent)
    with pytest.raises(UnknownName, match=r"Did you mean '\./star\.py'"):
        parse_algorithm("star")


def test_options_of_what_has_none(star):
    with pytest.raises(UnknownName, match="Known: none"):
        parse_algorithm(f"{star}:parts=2")


def test_a_refusal_elsewhere_is_no_fault(capsys):
    assert invoke(["algo", "check", "hdrm", "--topo", "ring5", "--topo", "bigraph4x4"]) == 0
    out = capsys.readouterr().out
    assert "Refused on ring5: hdrm cannot run on ring5" in out
    assert "0 wrong" in out


def test_a_fault_on_a_machine_that_does_not_suit_is_told_with_the_cure(tmp_path, capsys):
    file = tmp_path / "grid.py"
    file.write_text(STAR.replace("    builder", "    rows, columns = topology.dims\n    builder", 1))
    assert invoke(["algo", "check", str(file), "--topo", "switch4", "--topo", "mesh3x3"]) == 1
    told = capsys.readouterr().out
    assert "switch4: star failed with ValueError in grid.py, line" in told
    assert "Where a machine does not suit, begin with: raise star.refuse(topology, 'why.')" in told
    assert "1 proved, 0 refused, 1 wrong." in told


def test_lint_says_that_it_is_for_xml(tmp_path, capsys):
    assert invoke(["algo", "lint", str(tmp_path / "star.py")]) == 2
    assert "is Python" in capsys.readouterr().err


def test_formulas_are_held_to_the_defaults_whatever_the_size_chooses(capsys):
    """A ring's broadcast is cut into as many segments as the size wants; its formula counts those of no size."""
    for name in ("ring", "ring:segments=16", "tree"):
        assert invoke(["algo", "check", name, "--topo", "ring8"]) == 0
        assert " 0 wrong." in capsys.readouterr().out


def test_some_hosts_of_a_machine_are_checked_too(tmp_path, capsys):
    """An algorithm that takes the hosts of a machine for its ranks is wrong among some of them."""
    file = tmp_path / "star.py"
    file.write_text(STAR)
    assert invoke(["algo", "check", str(file)]) == 0
    assert re.search(r"switch8, 5 hosts +all-reduce +proved +2 +8 ", capsys.readouterr().out)
    file.write_text(STAR.replace("for rank in range(len(hosts)) if", "for rank in range(topology.hosts) if"))
    assert invoke(["algo", "check", str(file)]) == 1
    assert "Wrong: all-reduce on switch8, 5 hosts" in capsys.readouterr().out
