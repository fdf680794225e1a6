"""What building and proving schedules costs at scale: `python benchmarks/construction.py [CASE...]`.

Every case runs in a process of its own, because the peak of memory is that of a process; kernels are compiled beforehand.
Columns: CPU seconds for MULTITREE's trees (in plain Python with --plain, and by the kernels), for the whole schedule of an
all-reduce, for its proof, and the peak of resident memory in GiB after each.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from time import process_time

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.collective import collective
from collsim.collectives.tree_growth import grow
from collsim.collectives.verify import verify
from collsim.topology import load

CASES = (
    "torus32x32 multitree",
    "fattree16 multitree",
    "dragonfly4x8x4 multitree",
    "torus32x32 ring",
    "torus64x64 2d-ring",
    "torus64x64 halving-doubling",
    "torus64x64 ring",
    "torus64x64 multitree",
)
SMALL = ("torus4x4 multitree", "switch4 multitree", "ring4 ring", "torus4x4 2d-ring")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@click.option("--plain", is_flag=True, help="Grow the trees in plain Python too (minutes where switches are many).")
@click.option("--alone", is_flag=True, hidden=True)
def main(cases: tuple[str, ...], plain: bool, alone: bool) -> None:
    """Measure CASES, each "TOPOLOGY ALGORITHM" in quotes; default: all of the table in docs/multitree.md and more."""
    if alone:
        print(json.dumps(measure(*cases[0].split(), plain=plain)))
        return
    warm()
    table = Table("case", "steps", "Python s", "trees s", "GiB", "schedule s", "GiB", "proof s", "GiB")
    for case in track(cases or CASES, "construction", disable=not sys.stderr.isatty()):
        command = [sys.executable, __file__, case, "--alone", *(["--plain"] if plain else [])]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        table.add_row(case, *(f"{x:.2f}" if isinstance(x, float) else str(x) for x in row))
    Console(width=110).print(table)


def measure(name: str, algorithm: str, plain: bool) -> list[object]:
    """Return one row of the table, in its order; "-" where there are no trees."""
    topology = load(name)
    hosts, row = range(topology.hosts), []
    steps: object = "-"
    if algorithm.startswith("multitree"):
        steps = grow(topology, range(2), compiled=True).steps  # What importing numba costs is no part of growing trees.
        row += [timed(lambda: grow(topology, hosts, compiled=False))[0] if plain else "-"]
        spent, forest = timed(lambda: grow(topology, hosts, compiled=True))
        row, steps = [*row, spent, peak()], forest.steps
        del forest
    else:
        row += ["-"] * 3
    entry, options = parse_algorithm(algorithm)
    spent, schedule = timed(lambda: entry.schedule(topology, collective("all-reduce"), **options))
    row += [spent, peak()]
    row += [timed(lambda: verify(schedule, topology))[0], peak()]
    return [steps, *row]


def warm() -> None:
    """Have every kernel compiled and kept on disk, whatever the size of the cases."""
    from collsim.collectives.dependencies import infer_dependencies

    for case in SMALL:
        name, algorithm = case.split()
        topology = load(name)
        grow(topology, range(topology.hosts), compiled=True)
        plan = parse_algorithm(algorithm)[0].schedule(topology, collective("all-reduce"))
        for count in (plan.count, plan.count + 1):
            infer_dependencies(plan.step, plan.src, plan.dst, plan.chunk, count, plan.chunks, compiled=True)


def timed(work):  # type: ignore[no-untyped-def]
    """Return (CPU seconds, what `work` returns)."""
    start = process_time()
    result = work()
    return process_time() - start, result


def peak() -> float:
    """Return the peak of resident memory so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
