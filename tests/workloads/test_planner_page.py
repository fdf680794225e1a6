"""docs/planner.md: what it shows is what the program prints, and its table of numbers is what the planner gives."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from collsim.cli.main import invoke
from collsim.workloads import plan_figures
from collsim.workloads.plan_request import SOURCES, Request, request
from collsim.workloads.planner import plan

PAGE = (Path(__file__).parents[2] / "docs" / "planner.md").read_text()


def test_the_transcript_is_what_the_command_prints(capsys):
    shown = re.search(r"```console\n\$ collsim plan\n(.*?)```", PAGE, re.DOTALL)[1]
    assert invoke(["plan"]) == 0
    assert capsys.readouterr().out == shown


def test_the_python_block_prints_every_number():
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(code, "planner.md", "exec"), {})
    asked = request(budget="10B", days=90, precision="fp8", wan_rate="10Tb/s")
    assert len(out.getvalue().splitlines()) == len(plan_figures.figures(asked, plan(asked)))


def test_the_numbers_from_first_principles():
    def lines(**given):
        asked = request(**given)
        return {f.name: f.text for f in plan_figures.figures(asked, plan(asked))}

    for parameters, days in (("50T", "2,079 days; 2,070"), ("100T", "8,317 days; 8,279")):
        some, all_ = lines(gpus="1.67M", parameters=parameters)["days"], lines(parameters=parameters)["days"]
        assert f"{some}; {all_}".replace(" days; ", " days; ").removesuffix(" days") == days
        assert f"| {days} with all" in PAGE
    for parameters in ("50T", "100T"):
        rates = [lines(parameters=parameters, step_time=step)["wan_rate"].split()[0] for step in ("10s", "60s", "300s")]
        assert f"| {', '.join(rates)} Tb/s |" in PAGE
    floors = [lines(parameters=parameters)["memory_racks"].split()[0] for parameters in ("50T", "100T")]
    assert f"| {', '.join(floors)} racks |" in PAGE
    assert f"| {lines(wan_rate='10Tb/s')['in_flight']} |" in PAGE
    years = float(plan(Request()).days) / 365.25
    assert f"{years:.1f} years" in PAGE
    for precision in ("bf16", "fp8"):
        assert lines(days=365, precision=precision)["parameters"].removesuffix(" parameters") in PAGE


def test_every_kind_of_source_has_a_row():
    kinds = set(re.findall(r"^\| (v1|v2|overview|hardware|assumed|given) \|", PAGE, re.MULTILINE))
    assert kinds == {"v1", "v2", "overview", "hardware", "assumed", "given"}
    used = {source.split(",")[0].removeprefix("from the ").split("'")[0] for source in SOURCES.values()}
    assert used - {"the precision"} <= kinds
