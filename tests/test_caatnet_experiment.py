"""experiments/caatnet: its page says what its rows hold, the rows are those of its configuration, and some come again."""

import csv
import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "caatnet"
PAGE = (FOLDER / "README.md").read_text()
CONFIG = yaml.safe_load((FOLDER / "config.yaml").read_text())
with (FOLDER / "results.csv").open(newline="") as _file:
    ROWS = list(csv.DictReader(_file))


@pytest.fixture(scope="module")
def experiment():
    """The experiment's run.py as a module."""
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("caatnet_run", FOLDER / "run.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop("figures", None)


def row(p="0.5", **wanted):
    """The one row of this p with these values."""
    found = [one for one in ROWS if one["p"] == p and all(one[key] == value for key, value in wanted.items())]
    assert len(found) == 1, (p, wanted, len(found))
    return found[0]


def table(title):
    """The rows of the page's table under a bold title, cells stripped."""
    text = PAGE.split(f"**{title}**", 1)[1].split("\n\n")[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def times(text):
    return f"{float(text):.3f}x"


def training(machine, model, backward, copies, p="0.5"):
    return row(p, set="training", machine=machine, model=model, backward=backward, copies=copies)


def test_traffic_table():
    rows = table("Traffic")
    assert len(rows) == 3
    for name, *cells in rows:
        at = {"machine": "gaudi3", "model": f"caatnet-{name.lower()}", "copies": "none"}
        stock, own, half, narrow = (
            float(training(**at, backward=backward, p=p)["payload_GB"])
            for backward, p in (("fp32", "stock"), ("fp32", "1"), ("fp32", "0.5"), ("bf16", "0.5"))
        )
        saved = [f"{1 - part / whole:.1%}" for part, whole in ((half, own), (half, stock), (narrow, stock))]
        assert cells == [*(f"{value:.2f}" for value in (stock, own, half, narrow)), *saved]


@pytest.mark.parametrize("machine", ["gaudi3", "gaudi2"])
def test_training_table(machine):
    rows = [cells for cells in table("Training") if cells[0] == machine]
    assert [cells[1] for cells in rows] == ["130M", "1.1B", "7B"]
    for _, name, *cells in rows:
        model = f"caatnet-{name.lower()}"
        fused, counted, always = (training(machine, model, "fp32", copies) for copies in ("none", "needed", "always"))
        narrow, paid = (training(machine, model, "bf16", copies) for copies in ("none", "needed"))
        assert cells == [
            *(times(fused["over_own"]), times(always["over_own"]), times(counted["over_own"])),
            *(times(fused["over_stock"]), times(counted["over_stock"])),
            *(times(narrow["over_stock"]), times(paid["over_stock"])),
        ]


def test_prompt_table():
    rows = table("Prompts")
    assert len(rows) == 9
    for machine, model, f, alpha, fused, counted in rows:
        at = {"set": "prompts", "machine": machine, "model": model}
        one, two = row(**at, copies="none"), row(**at, copies="needed")
        assert (f, alpha) == (f"{float(one['f']):.3f}", f"{float(one['alpha_share']):.1%}")
        assert (fused, counted) == (times(one["over_stock"]), times(two["over_stock"]))
        assert float(one["over_stock"]) == pytest.approx(float(one["law"]), rel=1e-4)


def test_token_table():
    rows = table("Tokens")
    assert len(rows) == 4
    for machine, model, *cells in rows:
        found = [
            row(set="tokens", machine=machine, model=model, copies="none", batch=batch) for batch in ("1", "16", "64", "256")
        ]
        assert cells == [f"{times(one['over_stock'])} ({float(one['alpha_share']):.0%})" for one in found]


def test_neighbour_table():
    rows = table("Neighbours")
    options = {"Sync-Point Drop, half of the layers": "drop", "Ladder-Residual": "ladder", "all-reduce in 8 bits": "int8"}
    assert [cells[0] for cells in rows] == [*options, "CAAT-Net, p = 0.5, copies fused"]
    for name, *cells in rows[:3]:
        found = [row("1", set="neighbours", mode=mode, option=options[name]) for mode in ("prefill", "decode")]
        assert cells == [times(one["over_stock"]) for one in found]
    ours = [
        row(set="prompts", machine="hgx-h100", model="llama2-70b", copies="none"),
        row(set="tokens", machine="hgx-h100", model="llama2-70b", copies="none", batch="1"),
    ]
    assert rows[3][1:] == [times(one["over_stock"]) for one in ours]


def ends(found, key):
    """The least and the largest of a column, as the page says it."""
    values = [float(one[key]) for one in found]
    return f"{min(values):.2f}x to {max(values):.2f}x"


def test_ranges_of_the_claims():
    claims = PAGE.split("| claim |")[1].split("\n\n")[0]
    fused = [one for one in ROWS if one["set"] == "training" and (one["copies"], one["p"]) == ("none", "0.5")]
    wide = [one for one in fused if one["backward"] == "fp32"]
    assert f"{ends(wide, 'over_stock')} over stock and {ends(wide, 'over_own')} over its own p = 1" in claims
    prompts = {
        copies: [one for one in ROWS if one["set"] == "prompts" and (one["copies"], one["p"]) == (copies, "0.5")]
        for copies in ("none", "needed")
    }
    told = f"{ends(prompts['none'], 'over_stock')} with copies fused, {ends(prompts['needed'], 'over_stock')} with copies"
    assert told in claims


def test_fused_copies_follow_the_law_and_alpha_is_small_in_training():
    for one in ROWS:
        if one["p"] != "stock" and one["set"] == "training" and one["copies"] == "none":
            assert float(one["over_own"]) == pytest.approx(float(one["law"]), rel=1e-4)
            assert float(one["alpha_share"]) < 0.0215


def test_what_the_findings_say_holds():
    """Each sentence of the page that has no table."""
    for one in ROWS:
        if (
            one["set"] == "training"
            and one["copies"] != "none"
            and one["backward"] == "fp32"
            and one["p"] in ("0.75", "0.5")
        ):
            assert float(one["over_stock"]) < 1
        if one["set"] == "training" and one["copies"] == "none" and one["p"] == "0.5":
            assert float(one["over_stock"]) > 1.06
        if one["set"] == "tokens" and one["batch"] == "1" and one["p"] not in ("stock", "1"):
            assert float(one["over_stock"]) < 1.002
        if one["set"] in ("prompts", "lengths", "tokens") and one["p"] != "stock":
            assert one["over_stock"] == one["over_own"]
        assert one["exact"] == "True"
        assert float(one["bound_ms"]) <= float(one["exposed_ms"]) + 1e-4
    slower = training("gaudi3", "caatnet-7b", "fp32", "none", "1")
    assert f"{1 / float(slower['over_stock']):.2f} times" in PAGE
    copies, saved = (
        training("gaudi3", "caatnet-7b", "fp32", "needed"),
        training("gaudi3", "caatnet-7b", "fp32", "needed", "1"),
    )
    share = float(copies["copies_ms"]) / (float(saved["exposed_ms"]) - float(copies["exposed_ms"]))
    assert f"{share:.0%} of the time that half of the bytes save" in PAGE.replace("\n", " ")


def test_the_rows_are_those_of_the_configuration(experiment):
    wanted = [tuple(case.values()) for case in experiment.cases(CONFIG["sets"])]
    assert len(wanted) == len(set(wanted))
    found = [tuple(one[key] for key in experiment.KEYS) for one in ROWS]
    assert list(dict.fromkeys(found)) == wanted


@pytest.mark.parametrize("place", [0, 75, *(pytest.param(k, marks=pytest.mark.slow) for k in (40, 60, 90, 100))])
def test_a_study_run_again_gives_its_rows(experiment, place):
    case = list(experiment.cases(CONFIG["sets"]))[place]
    again = [case | value for value in experiment.measured(experiment.run(case, CONFIG["p"]))]
    assert again == [one for one in ROWS if all(one[key] == case[key] for key in case)]


def test_figures_are_there_and_shown():
    for name in re.findall(r"\]\((figures/[a-z]+\.png)\)", PAGE):
        assert (FOLDER / name).read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in (FOLDER / "figures").iterdir()} == set(re.findall(r"figures/([a-z]+\.png)", PAGE))
