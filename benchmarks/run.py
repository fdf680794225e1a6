"""What collsim costs: `python benchmarks/run.py [--quick] [--only NAME]... [--resume]`.

Every case runs in a process of its own, so that its peak of memory is its own and no case warms another. results.json keeps
what was measured, case by case, so Ctrl-C loses one case and --resume goes on; results.md, scaling.png and the table in
docs/performance.md are written from it at the end.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import click
import construction
import jobs
import loops
import packets
import programs
import scaling
import simgrid_ring
import sweeps
import targets
from markdown import Results
from measuring import Case

HERE = Path(__file__).resolve().parent
KEPT, PAGE, FIGURE = HERE / "results.json", HERE / "results.md", HERE / "scaling.png"
GUIDE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->", "<!-- end of what was measured -->"
PARTS: tuple[ModuleType, ...] = (packets, loops, jobs, construction, programs, sweeps, simgrid_ring, scaling)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Leave out what takes longer than some seconds or more than 1 GiB.")
@click.option("--only", multiple=True, metavar="NAME", help="Measure cases whose name contains NAME; keep all others.")
@click.option("--resume", is_flag=True, help="Measure only what results.json does not have yet.")
@click.option("--list", "listing", is_flag=True, help="Name the cases and stop.")
@click.option(
    "--tables",
    type=click.Choice(["write", "check"]),
    help="Measure nothing; write tables, figure and docs from results.json, or name those that differ from it.",
)
@click.option("--alone", hidden=True)
def main(quick: bool, only: tuple[str, ...], resume: bool, listing: bool, tables: str | None, alone: str | None) -> None:
    """Measure all cases and write results.md, scaling.png and the table of docs/performance.md."""
    cases = {case.name: case for part in PARTS for case in part.CASES}
    if alone:
        print(json.dumps(cases[alone].measure()))
        return
    chosen = [c for c in cases.values() if (c.quick or not quick) and (not only or any(n in c.name for n in only))]
    if not chosen:
        raise click.UsageError(f"no case is called so; the cases are {', '.join(cases)}.")
    if listing:
        click.echo("\n".join(case.name for case in chosen))
        return
    kept = _load() if resume or only or tables else {}
    if tables == "check":
        different = [path.name for path, text in _pages(kept).items() if path.read_text() != text]
        sys.exit(f"Not what was measured: {', '.join(different)}" if different else 0)
    if resume:
        chosen = [c for c in chosen if c.name not in kept or "failed" in kept[c.name]]
    finished = tables == "write" or _measure(chosen, kept)
    write(kept)
    failed = [name for name, m in kept.items() if "failed" in m]
    if failed:
        click.echo(f"Failed: {', '.join(failed)}", err=True)
    sys.exit(130 if not finished else 1 if failed else 0)


def _load() -> Results:
    found: Results = json.loads(KEPT.read_text())["measured"] if KEPT.exists() else {}
    return found


def _measure(cases: Sequence[Case], kept: Results) -> bool:
    """Measure `cases` into `kept` and results.json; return False after Ctrl-C."""
    begin = perf_counter()
    try:
        for k, case in enumerate(cases, 1):
            print(f"[{k}/{len(cases)}, {perf_counter() - begin:4.0f} s] {case.name}", end=" ", flush=True)
            kept[case.name] = _alone(case.name)
            print(_brief(kept[case.name]), flush=True)
            KEPT.write_text(json.dumps({"machine": _machine(), "measured": kept}, indent=1) + "\n")
    except KeyboardInterrupt:
        print("\nStopped; what was measured is kept, --resume goes on.", file=sys.stderr)
        return False
    return True


def _alone(name: str) -> dict[str, Any]:
    """Measure one case in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--alone", name], check=False, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [""])[-1]
        return {"failed": f"exit code {done.returncode}: {why}"}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _brief(measured: dict[str, Any]) -> str:
    words = (f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in measured.items())
    return ", ".join(words)[:160]


def _machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}, one core"


def page(kept: Results, machine: str) -> str:
    """Return results.md."""
    head = [
        "# Results",
        "",
        f"`python benchmarks/run.py` on {machine}; CPU seconds after warm-up, each case in its own process.",
        "",
    ]
    parts = [part.lines(kept) for part in (targets, *PARTS)]
    return "\n".join([*head, *(line for part in parts for line in (*part, ""))]).rstrip() + "\n"


def guide(text: str, kept: Results) -> str:
    """Return docs/performance.md with the table of targets as measured."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return "\n".join([before + BEGIN, "", *targets.summary(kept), "", END]) + after


def _pages(kept: Results) -> dict[Path, str]:
    """Return what results.md and docs/performance.md should be."""
    machine = json.loads(KEPT.read_text())["machine"]
    return {PAGE: page(kept, machine), GUIDE: guide(GUIDE.read_text(), kept)}


def write(kept: Results) -> None:
    """Write everything that is made from results.json."""
    for path, text in _pages(kept).items():
        path.write_text(text)
    scaling.draw(kept, FIGURE)


if __name__ == "__main__":
    main()
