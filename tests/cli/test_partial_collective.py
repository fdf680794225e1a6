"""`--collective partial-all-reduce` as a user meets it: channels, bytes, what it is compared with, what is refused."""

import json
import re
import shlex
from pathlib import Path

import pytest

from collsim.cli.main import invoke


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def rows(text):
    return {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in text.splitlines() if "  " in line}


def test_run_names_what_is_summed_and_what_stays(go):
    code, out, _ = go("run", "--topo", "full4", "--algo", "direct", "--size", "64KiB", "--collective", "partial-all-reduce")
    assert code == 0
    said = rows(out)
    assert said["Collective"] == "partial-all-reduce of 64 KiB among 4 ranks"
    assert said["Summed"] == "channels 0..2047 of 4096, 32 KiB of a buffer"
    assert said["Stays local"] == "channels 2048..4095 of 4096 on each rank, 32 KiB of a buffer"
    assert said["Verified"].endswith("channels 2048..4095 of 4096 stay local on each rank, out of reach of every transfer.")
    assert "S what is summed" in said["Closed form"]
    assert "--collective partial-all-reduce:p=0.5,h=4096" in said["Try next"]


def test_json_counts_channels_and_bytes(go):
    words = ("run", "--topo", "full4", "--algo", "ring", "--size", "7680", "--json", "-", "--collective")
    part = json.loads(go(*words, "partial-all-reduce:p=0.3,h=768")[1])
    assert (part["channels"], part["synchronised_channels"], part["synchronised_bytes"]) == (768, 230, 2300)
    assert part["local"] == "channels 230..767 of 768"
    assert part["busbw_bytes_per_s"] == pytest.approx(part["algbw_bytes_per_s"] * 230 / 768 * 3 / 2)
    full, whole = (json.loads(go(*words, c)[1]) for c in ("partial-all-reduce:p=1,h=768", "all-reduce"))
    same = ("time_fs", "busbw_bytes_per_s", "bound_s", "transfers", "packets")
    assert [full[key] for key in same] == [whole[key] for key in same]
    assert "channels" not in whole


@pytest.mark.parametrize("engine", ["compiled", "simpy", "analytic"])
def test_nothing_is_sent_at_p_0(go, engine):
    where = ("--topo", "full4", "--collective", "partial-all-reduce:p=0")
    code, out, _ = go("run", *where, "--algo", "ring", "--engine", engine)
    assert code == 0
    assert rows(out)["Time"].startswith("0 fs")
    assert rows(out)["Stays local"] == "all 4096 channels on each rank, 16 MiB of a buffer"
    assert go("schedule", *where, "--algo", "ring")[0] == go("bound", *where)[0] == 0


def test_what_cannot_be_drawn_or_listed_at_p_0_is_one_sentence(go, tmp_path):
    where = ("--topo", "full4", "--collective", "partial-all-reduce:p=0")
    figure = str(tmp_path / "figure.png")
    for words, reason in (
        (("schedule", "--algo", "ring", "--plot", figure), "sends nothing here"),
        (("schedule", "--algo", "ring", "--steps", "0"), "which sends nothing"),
        (("compare", "--algos", "ring", "--sizes", "1KiB", "--plot", figure), "took any time"),
    ):
        code, _, err = go(*words, *where)
        assert code in (1, 2)
        assert err.startswith("Error: ")
        assert reason in err
        assert err.count("\n") == 1
    code, out, _ = go("compare", "--algos", "ring,direct", "--sizes", "1KiB", *where)
    assert (code, out.count("1.00x"), out.count("100.0 %")) == (0, 2, 2)


def test_bound_compare_and_schedule_take_it(go):
    where = ("--topo", "ring4", "--collective", "partial-all-reduce:p=0.25,h=16")
    assert rows(go("bound", *where, "--size", "1MiB")[1])["Bound"] == rows(
        go("bound", "--topo", "ring4", "--size", "256KiB")[1]
    )["Bound"].replace("at most 21.33 GB/s", "at most 85.33 GB/s")
    value = json.loads(go("bound", *where, "--size", "1MiB", "--json", "-")[1])
    assert (value["synchronised_bytes"], value["local"]) == (2**18, "channels 4..15 of 16")
    assert "all-reduce in part too" in go("algo", "show", "ring")[1]
    assert "in part" not in go("algo", "show", "bruck")[1]
    code, out, _ = go("compare", *where, "--algos", "ring,multitree", "--sizes", "64KiB")
    assert code == 0
    assert out.startswith("partial-all-reduce:p=0.25,h=16 on ring4")
    shown = go("schedule", *where, "--algo", "ring", "--size", "16KiB", "--steps", "0")[1].splitlines()
    assert sum(line.split()[-2] == "1,024" for line in shown if line[0].isdigit()) == 4


@pytest.mark.parametrize("command", [("run", "--algo", "ring"), ("bound",), ("schedule", "--algo", "ring")])
@pytest.mark.parametrize("fraction", ["1.5", "-0.25", "x"])
def test_fractions_outside_0_to_1_are_one_sentence(go, command, fraction):
    code, out, err = go(*command, "--topo", "full4", "--collective", f"partial-all-reduce:p={fraction}")
    assert code in (1, 2)
    assert out == ""
    assert err.startswith("Error: ")
    assert "fraction p" in err
    assert err.count("\n") == 1


PAGE = (Path(__file__).parents[2] / "docs" / "partial-sync.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S) for line in block.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_page_run(go, command):
    first, *words = shlex.split(command)
    assert first == "collsim"
    code, out, _ = go(*words)
    assert code == 0
    assert out


def test_python_of_the_page_runs(capsys):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(compile(block, "partial-sync.md", "exec"), names)
    assert capsys.readouterr().out == "channels 2048..4095 of 4096\n"
    assert 1.8 < names["whole"].time_s / names["half"].time_s < 2
