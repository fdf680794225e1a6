"""Any number of cases on demand: python tests/agreement/run.py --cases 3000 --seed 1 [--engine A --engine B].

With one engine the runs of the SimPy engine are held against its invariants. Case k of seed s has the number
1,000,000 s + k; `--case NUMBER` runs that one alone and prints it, `--shrink` cuts failing ones down.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

# In place of this folder, whose modules must not pass for packages such as `coverage`.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agreement.cases import Case, script
from agreement.compare import against, run, unsupported
from agreement.coverage import Coverage, Grants, features, trains
from agreement.draw import KINDS, draw
from agreement.invariants import broken
from agreement.shrink import shrink

from collsim.engines.engine import ENGINES

A_SEED = 1_000_000


def faults(case: Case, engines: list[str]) -> list[str]:
    """What is wrong with a case: differences between two engines, or broken invariants of one."""
    if len(engines) == 1:
        return broken(case)
    return against(case, run(case, engines[0]), engines[1])[1]


def same_kind(found: list[str], other: list[str]) -> bool:
    """Whether two cases fail alike: an outcome, a cycle, or values."""
    kinds = [{text.partition(":")[0] for text in texts} & {"outcome", "cycle", "words"} for texts in (found, other)]
    return bool(other) and kinds[0] == kinds[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=300, help="how many cases (300)")
    parser.add_argument("--seed", type=int, default=0, help="which cases (0, those of the tests)")
    parser.add_argument("--case", type=int, help="only the case of this number")
    parser.add_argument("--kind", choices=list(KINDS), help="cases of one kind only; their numbers are their own")
    parser.add_argument(
        "--engine",
        action="append",
        help="an engine, twice to compare two (simpy and compiled); packets is compiled without trains",
    )
    parser.add_argument("--shrink", action="store_true", help="cut failing cases down before printing them")
    parser.add_argument("--most", type=int, default=10, help="stop after this many failing cases (10)")
    parser.add_argument("--verbose", action="store_true", help="print the number of each case before it is run")
    options = parser.parse_args()
    engines = options.engine or [name for name in ("simpy", "compiled") if name in ENGINES]
    first = options.seed * A_SEED
    numbers = [options.case] if options.case is not None else range(first, first + options.cases)
    coverage, refused, failed, begin = Coverage(), 0, 0, time.perf_counter()
    for number in numbers:
        if options.verbose:
            print(number, end=" ", flush=True, file=sys.stderr)
        case, grants = draw(number, options.kind), Grants()
        one = run(case, "simpy", [grants])
        covered = features(case, one, grants)
        if engines[0] == "simpy" and len(engines) > 1:
            other, found = against(case, one, engines[1])
            covered |= trains(other)
            refused += unsupported(other)
        else:
            found = faults(case, engines)
        coverage.add(covered)
        if options.case is not None or found:
            failed += bool(found)
            _show(number, case, found, engines, options.shrink)
        if failed >= options.most:
            break
    if options.case is None:
        print(coverage.table())
        print(*(f"too rare: {gap}" for gap in coverage.gaps()), sep="\n")
    took = time.perf_counter() - begin
    print(f"{coverage.cases} cases on {' and '.join(engines)}: {failed} failed, {refused} refused, {took:.1f} s")
    return 1 if failed else 0


def _show(number: int, case: Case, found: list[str], engines: list[str], cut: bool) -> None:
    print(f"--- case {number}", *found, sep="\n")
    if cut and found:
        case = shrink(case, lambda smaller: same_kind(found, faults(smaller, engines)))
        print("cut down:", *faults(case, engines), sep="\n")
    print(script(case, (engines[0], engines[-1])))


if __name__ == "__main__":
    sys.exit(main())
