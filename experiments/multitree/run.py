"""Regenerates the MULTITREE study: `python experiments/multitree/run.py bandwidth|scaling|training|ablation|report|all`.

Each part appends its rows to a CSV file in `results/`; rows that are there are not run again, so a part may be stopped and
taken up at any time. `report` draws the figures and writes `tables/` and the tables of README.md from the rows; `all` does
everything.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import ablation
import bandwidth
import click
import report
import scaling
import training
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from store import Store

HERE = Path(__file__).resolve().parent
PARTS: dict[str, ModuleType] = {"bandwidth": bandwidth, "scaling": scaling, "training": training, "ablation": ablation}


@click.command()
@click.argument("part", type=click.Choice([*PARTS, "report", "all"]))
@click.option("--quick", is_flag=True, help="A tiny part of each, for tests.")
@click.option("--to", "folder", type=click.Path(path_type=Path), default=HERE, help="Where results and figures are kept.")
@click.option("--check", is_flag=True, help="With report: write nothing, fail where README.md is not what the rows give.")
def main(part: str, quick: bool, folder: Path, check: bool) -> None:
    """Run PART of the study, or report what there is."""
    if check:
        if report.in_accord(folder, HERE / "README.md"):
            return
        click.echo("README.md is not what the rows give; run: python experiments/multitree/run.py report")
        sys.exit(1)
    wanted = list(PARTS) if part == "all" else [p for p in PARTS if p == part]
    try:
        for name in wanted:
            work(name, quick, folder)
    except KeyboardInterrupt:
        click.echo(f"Stopped; what was run is kept in {folder / 'results'}. The same command goes on from there.", err=True)
        sys.exit(130)
    if part in ("report", "all"):
        report.write(folder, HERE / "README.md" if folder == HERE else None)
        click.echo(f"Figures and tables written to {folder}.")


def work(name: str, quick: bool, folder: Path) -> None:
    """Run what is missing of one part, row by row."""
    module = PARTS[name]
    store = Store(folder / "results" / f"{name}.csv", module.KEY, module.VALUES)
    cases = module.cases(quick)
    todo = [case for case in cases if case not in store]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=len(cases), completed=len(cases) - len(todo))
        for case in todo:
            what = [case.get(c, "") for c in ("network", "model", "scheme", "variant", "size_bytes", "bucket")]
            bar.update(task, description=f"{name}: {' '.join(filter(None, what))}")
            store.add(module.run(case))
            bar.advance(task)
        bar.update(task, description=name)
    if not quick:
        store.rewrite([store.key_of(case) for case in cases])


if __name__ == "__main__":
    main()
