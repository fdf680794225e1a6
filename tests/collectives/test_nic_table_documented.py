"""docs/nic-tables.md: its numbers are those of the tables, its commands print what it shows, its code runs."""

import re
from pathlib import Path

import pytest
from conformance.cases import schedule

from collsim.cli.main import invoke
from collsim.collectives.nic_table import nic_tables
from collsim.collectives.nic_table_widths import table_widths

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "nic-tables.md").read_text()
ROWS = re.findall(r"^\| (\w+\dx\d) \|(.*)\|$", PAGE, re.MULTILINE)


def span(counts):
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def test_the_table_has_rows():
    assert len(ROWS) == 7


@pytest.mark.parametrize("topo, cells", ROWS)
def test_the_table_of_sizes(topo, cells):
    plan = schedule("multitree", topo, "all-reduce")
    made = nic_tables(plan, 64 * 2**20)
    least, words = table_widths(made), table_widths(made, words=True)
    longest = max(map(len, made.tables))
    expected = [
        *(str(plan.ranks), str(plan.steps), str(2 * plan.ranks)),
        span([sum(e.opcode != "NOP" for e in table) for table in made.tables]),
        span([len(table) for table in made.tables]),
        f"{least.total} / {words.total}",
        f"{least.table_bytes(longest):,} / {words.table_bytes(longest):,}",
    ]
    assert [cell.strip() for cell in cells.split("|")] == expected


def test_the_command_prints_what_the_page_shows(capsys):
    command, shown = re.search(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL).groups()
    assert invoke(command.split()[1:]) == 0
    assert capsys.readouterr().out == shown


def test_the_code_of_the_page_runs():
    exec(compile(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], "nic-tables.md", "exec"), {})
