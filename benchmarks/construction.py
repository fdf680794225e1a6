"""Schedules at scale: building them, proving them and running them at the cost of messages, and the memory of all three.

A proof should never take longer than building and running what it proves: the last column but one shows it for every
algorithm. Where messages meet, packets are simulated and no proof comes near that; so each algorithm is run on a machine
where its messages do not meet.
"""

from __future__ import annotations

from functools import partial

from markdown import Results, count, gib, got, ratio, seconds, table
from measuring import Case, Measured, engine, peak_mib, schedule, timed, warm

from collsim.collectives.verify import verify
from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.topology import load

__all__ = ["CASES", "case_name", "lines"]

SIZE = 2**20
HOSTS = {16: "torus4x4", 64: "torus8x8", 256: "torus16x16", 1024: "torus32x32", 4096: "torus64x64"}
SMALL = tuple(
    (HOSTS[n], algorithm, "all-reduce") for algorithm in ("ring", "2d-ring", "multitree") for n in (16, 64, 256, 1024)
)
OTHERS = (
    ("switch256", "bidirectional-ring", "all-reduce"),
    ("switch256", "binomial-tree", "all-reduce"),
    ("switch256", "direct", "all-reduce"),
    ("switch256", "recursive-doubling", "all-reduce"),
    ("torus16x16", "hierarchical", "all-reduce"),
    ("torus16x16", "double-binary-tree", "all-reduce"),
    ("switch256", "bruck", "all-to-all"),
    ("switch256", "direct", "all-to-all"),
)
LARGE = (
    ("fattree16", "multitree", "all-reduce"),
    ("switch1024", "bruck", "all-to-all"),
    ("torus64x64", "2d-ring", "all-reduce"),
    ("hypercube4096", "halving-doubling", "all-reduce"),
    ("torus64x64", "ring", "all-reduce"),
    ("torus64x64", "multitree", "all-reduce"),
)


def case_name(topology: str, algorithm: str, kind: str = "all-reduce") -> str:
    return f"{algorithm}@{topology}" if kind == "all-reduce" else f"{algorithm}@{topology}/{kind}"


def measure(where: str, algorithm: str, kind: str) -> Measured:
    """Build once, prove once, run once, each on its own clock, with the peak of memory after each."""
    topology, network = load(where), NetworkConfig()
    warm("construction", "proof", "packets", "compiled")
    build, plan = timed(lambda: schedule(where, algorithm, kind))
    peaks = [peak_mib()]
    proof, _ = timed(lambda: verify(plan, topology))
    peaks.append(peak_mib())
    run, result = timed(lambda: engine("compiled")(topology, single_call(plan, SIZE), network))
    peaks.append(peak_mib())
    return {
        **{"steps": plan.steps, "transfers": plan.transfers, "build": build, "proof": proof, "run": run},
        **{"trains": result.train_fraction, "build peak": peaks[0], "proof peak": peaks[1], "peak": peaks[2]},
    }


CASES = tuple(Case(case_name(*what), partial(measure, *what), what not in LARGE) for what in (*SMALL, *OTHERS, *LARGE))


def lines(results: Results) -> list[str]:
    """Return the table of schedules."""
    rows = []
    for what in (*SMALL, *OTHERS, *LARGE):
        m = results.get(case_name(*what), {})
        both = m["build"] + m["run"] if "run" in m else None
        times = tuple(seconds(m.get(name)) for name in ("build", "proof", "run"))
        peaks = tuple(gib(m.get(name)) for name in ("build peak", "proof peak", "peak"))
        run = times[2] if m.get("trains", 1) else f"{times[2]} (packets)"
        counts = count(m.get("steps")), count(m.get("transfers"))
        rows.append((what[1], what[2], what[0], *counts, *times[:2], run, ratio(m.get("proof"), both, 1, 2), *peaks))
    head = "algorithm|collective|topology|steps|transfers|build s|proof s|run s|proof / (build + run)|GiB built|proved|run"
    return [
        "## Construction and proof",
        "",
        f"CPU seconds to build a schedule, to prove it, and to run it once with {SIZE >> 20} MiB; peak of memory after",
        "each, about",
        "0.2 GiB of which are Python, numpy and the kernels.",
        "",
        *table(head, rows, text=3),
    ]


def measured(results: Results, topology: str, algorithm: str, name: str) -> float | None:
    """Return one number of one all-reduce, None where it was not measured."""
    value = got(results, case_name(topology, algorithm), name)
    return None if value is None else float(value)
