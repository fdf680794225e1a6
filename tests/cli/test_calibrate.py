"""`collsim calibrate` and `collsim compare` with a measured table: what they print, write and refuse."""

import json
from pathlib import Path

import pytest

from collsim.cli.main import invoke

HEAD = "# size count type redop root time algbw busbw #wrong\n"


@pytest.fixture
def measured(tmp_path):
    path = tmp_path / "table.txt"
    words = ["compare", "--topo", "switch4", "--algos", "ring", "--sizes", "1KiB:16MiB:x8"]
    assert invoke([*words, "--set", "message_overhead=3us", "--nccl-tests", str(path)]) == 0
    return str(path)


def test_a_simulated_table_is_fitted_with_what_it_was_made_with(measured, capsys):
    capsys.readouterr()
    assert invoke(["calibrate", measured, "--topo", "switch4", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["message_overhead_s"] == pytest.approx(3e-6, rel=0.01)
    assert found["efficiency"] == pytest.approx(1, rel=0.01)
    assert found["settings"] == [f"message_overhead={found['message_overhead_s'] * 1e6:.4g}us"]
    assert [row["size_bytes"] for row in found["rows"]] == [2**10, 2**13, 2**16, 2**19, 2**22]


def test_a_table_beside_runs(measured, capsys):
    capsys.readouterr()
    words = [
        "compare",
        "--topo",
        "switch4",
        "--algos",
        "ring,direct",
        "--measured",
        measured,
        "--set",
        "message_overhead=3us",
    ]
    assert invoke(words) == 0
    out = capsys.readouterr().out
    ratios = [line.split()[-1] for line in out.splitlines() if " ring" in line]
    assert ratios == ["1.00"] * 5
    assert sum("  measured  " in line for line in out.splitlines()) == 5
    assert "over measured" in out
    assert invoke([*words, "--json", "-"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert all(run["time_over_measured"] == pytest.approx(run["time_s"] / run["measured_s"]) for run in runs)


@pytest.mark.parametrize(
    "words, text, sentence",
    [
        ([], HEAD + "1024 256 float sum -1 5 0.2 0.3 0\n", "has 1 of 1 rows in the sizes asked for"),
        ([], HEAD + "1024 256 float sum -1 -5 0.2 0.3 0\n2048 512 float sum -1 5 0.4 0.6 0\n", "line 2: the time -5 us"),
        (
            ["--collective", "all-gather"],
            "# Collective test starting: all_reduce_perf\n" + HEAD + "1024 256 float sum -1 5 0.2 0.3 0\n",
            "measures all-reduce, not all-gather",
        ),
        (
            ["--topo", "switch8"],
            HEAD + "10485760 2621440 float sum -1 5000 2.10 3.15 0\n",
            "all-reduce of 8 ranks has 1.750",
        ),
        ([], HEAD + "1,024 256 float sum -1 5 0.2 0.3 0\n", "line 2: '1,024' is no whole number of bytes"),
        ([], HEAD + "1M 262144 float sum -1 5 200 300 0\n", "line 2: '1M' is no whole number of bytes"),
        ([], HEAD + "1024 256 float sum -1 5,1 0.2 0.3 0\n", "line 2: '5,1' is not a number"),
        ([], HEAD + "1024 256 float sum -1 5 0.2 0.3 7\n", "line 2: 7 elements are wrong"),
        (["--in-place"], HEAD + "1024 256 float sum -1 5 0.2 0.3 0\n", "line 2 has no in-place time"),
        (["--parts", "-o", "x.yaml"], HEAD + "1024 256 float sum -1 5 0.2 0.3 0\n", "leave out --parts, or --output"),
        (["--algo", "nothing"], HEAD + "8 2 float sum -1 5 0.0 0.0 0\n16 4 float sum -1 5 0.0 0.0 0\n", "Unknown algorithm"),
    ],
)
def test_what_is_refused(tmp_path, capsys, words, text, sentence):
    path = tmp_path / "t.txt"
    path.write_text(text)
    topo = [] if "--topo" in words else ["--topo", "switch4"]
    assert invoke(["calibrate", str(path), *topo, *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_table_is_of_one_algorithm(capsys):
    assert invoke(["compare", "--topo", "switch4", "--algos", "ring,direct", "--nccl-tests", "-"]) == 2
    assert "A table of nccl-tests is of one algorithm" in capsys.readouterr().err


def test_parts_are_listed_with_their_settings(capsys):
    table = str(Path(__file__).parents[2] / "docs" / "examples" / "nccl-tests" / "h20-8.txt")
    words = ["calibrate", table, "--topo", "switch8", "--bandwidth", "450GB/s", "--latency", "350ns", "--parts"]
    assert invoke([*words, "--placement", "random:3"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[3].split() == ["Parts", "2"]
    assert "--placement random:3" in out.split("Try next")[1]
    assert invoke([*words, "--json", "-"]) == 0
    low, high = json.loads(capsys.readouterr().out)["parts"]
    assert low["rows"][-1]["size_bytes"] < high["rows"][0]["size_bytes"]
    assert max(low["rms_error"], high["rms_error"]) < 0.05


def test_the_figures(measured, tmp_path):
    words = [
        "compare",
        "--topo",
        "switch4",
        "--algos",
        "ring",
        "--measured",
        measured,
        "--plot",
        str(tmp_path / "beside.svg"),
    ]
    assert invoke(words) == 0
    assert "<!-- measured -->" in (tmp_path / "beside.svg").read_text()
    assert invoke(["calibrate", measured, "--topo", "switch4", "--plot", str(tmp_path / "fit.png")]) == 0
    assert (tmp_path / "fit.png").read_bytes()[:4] == b"\x89PNG"
