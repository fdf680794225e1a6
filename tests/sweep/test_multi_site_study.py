"""Training across sites as one call: the ways that `collsim workload sites` runs, by words and shown."""

import json

import pytest

from collsim import multi_site
from collsim.cli.main import invoke
from collsim.errors import CollsimError
from collsim.sweep.multi_site_study import USUAL
from collsim.workloads.multi_site import Job

SMALL = {"parameters": "100M", "tokens": "64k"}
SLOW = "1.001s:site0/core->site1/core#0=0.5"


def test_it_is_what_the_command_finds(capsys):
    found = multi_site(
        "nvl2x2x2", SMALL, "flat,swap", compute="1s", wan_rate="10GB/s", round_trip="20ms", engine="simpy", at=[SLOW]
    )
    words = "--parameters 100M --tokens 64k --ways flat,swap --compute 1s --wan-rate 10GB/s --round-trip 20ms --engine simpy"
    words += f" --at {SLOW}"
    assert invoke(["workload", "sites", "--topo", "nvl2x2x2", *words.split(), "--json", "-"]) == 0
    assert found.to_dict() == json.loads(capsys.readouterr().out)
    assert found["swap"].sent == 2 * 10**8 < found["flat"].sent
    assert list(found.frame().way) == ["flat", "swap"]


def test_a_job_may_be_an_object_and_ways_default_to_all_that_suit():
    job = Job(10**8, layers=8, hidden=1024, tokens=65536, tensor=2, pipeline=1, micro_batches=4)
    found = multi_site("nvl2x2x2", job, compute="1s", engine="analytic")
    assert [way.name for way in found.ways] == ["flat", "hierarchical", "swap", "late", "pipeline"]
    assert found.setting.job is job


def test_words_are_the_options_of_the_command(capsys):
    assert invoke(["workload", "sites", "--help"]) == 0
    text = capsys.readouterr().out
    option = {"tensor": "tp", "pipeline": "pp"}
    assert all(f"--{option.get(name, name.replace('_', '-'))}" in text for name in USUAL)


def test_it_shows_itself():
    found = multi_site("nvl2x2x2", SMALL, ["flat", "late"], compute="1s", engine="analytic")
    assert str(found).splitlines()[1].startswith("late")
    html = found._repr_html_()
    assert html.count("<tr") == 3
    assert ">1.000x<" in html
    assert found.plot()._repr_png_()[0].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"job": {"parametres": "1B"}}, "'parameters'"),
        ({"job": {}}, "--parameters"),
        ({"job": SMALL, "ways": "flatt"}, "'flat'"),
        ({"job": SMALL, "topology": "nvl2x2"}, "no sites"),
    ],
)
def test_a_wrong_request_gets_a_cure(given, words):
    with pytest.raises(CollsimError, match=words):
        multi_site(**{"topology": "nvl2x2x2", **given})


def test_a_way_that_was_not_run_is_named():
    with pytest.raises(CollsimError, match="'flat'"):
        multi_site("nvl2x2x2", SMALL, "flat", engine="analytic")["flatt"]
