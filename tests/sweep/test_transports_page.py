"""docs/transports.md: what it shows is what the program does."""

import re
import shlex
from pathlib import Path

from collsim.cli.main import invoke
from collsim.network.config import CHOICES, LEAVES

PAGE = (Path(__file__).parents[2] / "docs" / "transports.md").read_text()


def block(kind):
    return PAGE.split(f"```{kind}\n")[1].split("```")[0]


def test_the_run_has_the_rows_that_the_page_names(capsys):
    command = re.search(r"```\n(collsim run.*?)```", PAGE, re.DOTALL)[1]
    assert invoke(shlex.split(command)[1:]) == 0
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert "sent again (selective-repeat)" in rows["Packets"]
    assert "at most" in rows["Reorder buffer"]
    assert "max/mean load between switches" in rows["Links"]


def test_the_python_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(block("python"), {})
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert (tmp_path / "transports.png").exists()


def test_every_setting_of_transports_has_a_row():
    for leaf in ("loss", "recovery", "retransmit_timeout", "delivery"):
        assert leaf in LEAVES
        assert f"| `{leaf}` |" in PAGE
    for choice in (*CHOICES["recovery"], *CHOICES["delivery"]):
        assert f"`{choice}`" in PAGE
