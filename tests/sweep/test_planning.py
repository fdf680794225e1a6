"""The planner as one call: the numbers of `collsim plan`, found by name and shown."""

import json

import pytest

from collsim import plan
from collsim.cli.main import invoke
from collsim.errors import CollsimError


def test_it_is_what_the_command_plans(capsys):
    assert invoke(["plan", "--budget", "10B", "--days", "90", "--precision", "fp8", "--json", "-"]) == 0
    assert plan(budget="10B", days=90, precision="fp8").to_dict() == json.loads(capsys.readouterr().out)


def test_numbers_are_found_by_name():
    made = plan()
    assert (made["gpus"].value, made.plan.gpus) == (1_677_600, 1_677_600)
    assert float(made["wan_rate"].value) == pytest.approx(40e12 / 3)
    assert made["wan_rate"].formula == "100 TB x 8 / 60 s"
    frame = made.frame()
    assert frame.set_index("name").value["racks"] == 23_300
    assert frame.set_index("name").value["total_power"] == [4.16e9, 4.71e9]
    assert len(frame) == len(made.figures) == str(made).count("\n") + 1


def test_it_shows_itself_with_its_notes():
    html = plan(gpus=1000, wan_rate="10Tb/s")._repr_html_()
    assert "One copy of the model needs 60 racks and there are 14." in html
    assert html.count("<tr") == len(plan(gpus=1000, wan_rate="10Tb/s").figures) + 1


@pytest.mark.parametrize(("given", "words"), [({"gpu": 1}, "'gpus'"), ({"days": "long"}, "days"), ({"budget": "1"}, "rack")])
def test_a_wrong_request_gets_a_cure(given, words):
    with pytest.raises(CollsimError, match=words):
        plan(**given)


def test_a_figure_that_does_not_exist_is_named():
    with pytest.raises(CollsimError, match="'racks'"):
        plan()["rack"]
