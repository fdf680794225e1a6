"""`collsim plan` as a user meets it: rows with formulas, JSON, refusals."""

import json
import shlex

import pytest

from collsim.cli.main import invoke
from collsim.workloads.plan_request import Request
from collsim.workloads.planner import plan


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(("plan", *words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_published_machine(go):
    code, out, err = go()
    assert (code, err) == (0, "")
    rows = out.splitlines()
    assert "GPUs          1,677,600 = 23,300 x 72" in rows
    assert "Total power   4.16 GW to 4.71 GW = 3.6 GW x PUE 1.156 to 1.308" in rows
    assert "WAN rate      13.33 Tb/s a site and direction = 100 TB x 8 / 60 s" in rows
    assert "Given         $100 B (v1)" in rows


def test_json_holds_values_units_sources_and_formulas(go):
    value = json.loads(go("--wan-rate", "10Tb/s", "--json", "-")[1])
    assert value["inputs"]["budget"] == {"value": 10**11, "unit": "$", "source": "v1"}
    assert value["inputs"]["wan_rate"] == {"value": 10**13, "unit": "bit/s", "source": "given"}
    assert value["outputs"]["gpus"] == {"value": 1_677_600, "unit": "", "formula": "23,300 x 72"}
    assert value["outputs"]["total_power"]["value"] == [4_160_000_000, 4_710_000_000]
    assert value["outputs"]["days"]["value"] == pytest.approx(float(plan(Request()).days))
    assert value["outputs"]["in_flight"]["value"] == 75 * 10**9
    assert len(value["notes"]) == 1


def test_json_beside_the_report(go, tmp_path):
    path = tmp_path / "plan.json"
    code, out, _ = go("--json", str(path))
    assert code == 0
    assert out == go()[1]
    assert json.loads(path.read_text())["outputs"]["racks"]["value"] == 23_300


def test_a_note_where_it_does_not_go_together(go):
    out = go("--wan-rate", "1Tb/s")[1]
    assert "Exchanged in  800 s = 100 TB x 8 / 1 Tb/s" in out
    assert "Note          The exchange takes 13.3 step times" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--budget", "1M"), "buys no rack"),
        (("--days", "3", "--parameters", "1T"), "leave one out"),
        (("--precision", "int8"), "Known: bf16, fp8"),
        (("--json", "/nowhere/plan.json"), "does not exist"),
        (("--buget", "1B"), "--budget"),
    ],
)
def test_refusals_are_one_sentence(go, words, says):
    code, out, err = go(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_the_next_command_asks_the_same_and_one_thing_more(go):
    """Each leads to the next, until nothing is left to ask."""
    words, seen = ("--rack-price", "$2M"), []
    while words is not None:
        code, out, err = go(*words)
        assert (code, err) == (0, "")
        shown = [line.partition("Try next")[2].strip() for line in out.splitlines() if line.startswith("Try next")]
        seen += shown
        words = tuple(shlex.split(shown[0])[2:]) if shown else None
    assert seen == [
        "collsim plan --rack-price '$2M' --days 365",
        "collsim plan --rack-price '$2M' --days 365 --wan-rate 10Tb/s",
    ]
