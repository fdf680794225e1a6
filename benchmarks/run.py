"""What collsim costs, in ratios within one run: `python benchmarks/run.py [--quick]`. Writes results.md and scaling.png.

CPU seconds are the least of three runs after a warm-up, engine alone: no construction, proof or bound. A bare SimPy loop
that does nothing but fire two events a packet-hop, the least a SimPy engine can do, is measured beside the engines.
"""

from __future__ import annotations

import platform
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import click
import numpy as np
import simpy

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import Program, Send, single_call
from collsim.topology import load

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Case:
    """A program on a topology; `engines` to run it on, cheapest last."""

    what: str
    topology: str
    program: Callable[[], Program]
    settings: dict[str, object]
    engines: tuple[str, ...] = ("simpy", "compiled", "analytic")


def collective_of(topology: str, algorithm: str, size: int) -> Callable[[], Program]:
    """Return a maker of the program of one all-reduce."""
    return lambda: single_call(ALGORITHMS.get(algorithm).schedule(load(topology), collective("all-reduce")), size)


def permutation(hosts: int, size: int) -> Program:
    """Return `size` bytes from every host to another one, drawn at random with a fixed seed."""
    targets = np.random.default_rng(1).permutation(hosts).tolist()
    return Program(tuple(Send(host, target, size) for host, target in enumerate(targets) if host != target))


def cases(quick: bool) -> Iterator[Case]:
    """Yield what is measured; `quick` leaves out what takes more than some seconds on the SimPy engine."""
    yield Case("ring, 1 MiB, 256 B packets", "ring64", collective_of("ring64", "ring", 2**20), {"packet_payload": 256})
    yield Case("MULTITREE, 16 MiB, 4,096 B packets", "torus4x4", collective_of("torus4x4", "multitree", 2**24), {})
    yield Case("direct, 1 MiB: all pairs at once", "torus8x8", collective_of("torus8x8", "direct", 2**20), {})
    yield Case("halving-doubling, 4 MiB", "fattree4", collective_of("fattree4", "halving-doubling", 2**22), {})
    yield Case("ring, 4 MiB", "dragonfly2x4x2", collective_of("dragonfly2x4x2", "ring", 2**22), {})
    if not quick:
        only = ("compiled",)
        yield Case("random permutation, 2 MB a host", "fattree8", lambda: permutation(128, 2 * 10**6), {}, ("simpy", *only))
        yield Case("random permutation, 2 MB a host", "fattree16", lambda: permutation(1024, 2 * 10**6), {}, only)
        yield Case("ring, 16 MiB: 2.1 M messages", "ring1024", collective_of("ring1024", "ring", 2**24), {}, only)


@click.command()
@click.option("--quick", is_flag=True, help="Leave out what takes longer than some seconds.")
def main(quick: bool) -> None:
    lines = [
        "# Results",
        "",
        f"`python benchmarks/run.py` on {platform.machine()}, Python {platform.python_version()}, one core.",
        "",
        f"A bare SimPy loop of two events a packet-hop: {bare():,.0f} packet-hops/s.",
        "",
        "| program | topology | engine | packet-hops | CPU s | packet-hops/s | over simpy | trains | peak MiB |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for case in cases(quick):
        lines += measured(case)
        print("\n".join(lines[-len(case.engines) :]), flush=True)
    if not quick:
        lines += scaling()
    (HERE / "results.md").write_text("\n".join(lines) + "\n")


def measured(case: Case) -> list[str]:
    """Return one table row an engine."""
    topology, program = load(case.topology), case.program()
    network = NetworkConfig().with_settings(case.settings)
    rows, slowest = [], 0.0
    for name in case.engines:
        engine = ENGINES.get(name)
        result = engine(topology, program, network)
        spent = seconds(lambda engine=engine: engine(topology, program, network), 1 if name == "simpy" else 3)
        slowest = slowest or spent
        ratio = f"{slowest / spent:,.1f}" if case.engines[0] == "simpy" else ""
        cells = (case.what, case.topology, name, f"{result.packet_hops:,}", f"{spent:.3f}")
        rate = f"{result.packet_hops / spent:,.0f}"
        rows.append(f"| {' | '.join((*cells, rate, ratio, f'{result.train_fraction:.0%}', f'{peak():,.0f}'))} |")
    return rows


def scaling() -> list[str]:
    """Return rows over hosts and over sizes on the compiled engine, and draw them."""
    engine, network = ENGINES.get("compiled"), NetworkConfig()
    hosts, sizes = [16, 64, 256, 1024, 4096], [2**k for k in range(10, 31, 4)]
    lines = ["", "## Scaling", "", "| topology | algorithm | size | messages | CPU s |", "|---|---|--:|--:|--:|"]
    series: dict[str, tuple[list[int], list[float]]] = {}
    for label, points in {
        "2-D ring over hosts, 1 MiB": [(f"torus{int(n**0.5)}x{int(n**0.5)}", "2d-ring", 2**20, n) for n in hosts],
        "MULTITREE on torus16x16 over size": [("torus16x16", "multitree", size, size) for size in sizes],
    }.items():
        xs, ys = series.setdefault(label, ([], []))
        for name, algorithm, size, x in points:
            topology, program = load(name), collective_of(name, algorithm, size)()
            engine(topology, program, network)
            spent = seconds(lambda t=topology, p=program: engine(t, p, network), 1)
            lines.append(f"| {name} | {algorithm} | {size:,} | {program.messages:,} | {spent:.3f} |")
            print(lines[-1], flush=True)
            xs.append(x)
            ys.append(spent)
    draw(series)
    return lines


def draw(series: dict[str, tuple[list[int], list[float]]]) -> None:
    """Draw CPU seconds over hosts and over bytes, each on axes of its own, into scaling.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(series), figsize=(5 * len(series), 3.6), layout="constrained")
    for axis, (label, (xs, ys)) in zip(axes, series.items(), strict=True):
        axis.loglog(xs, ys, marker="o")
        axis.set_title(label)
        axis.set_xlabel("hosts" if "hosts" in label else "bytes of a rank's buffer")
        axis.set_ylabel("CPU seconds, compiled engine")
        axis.grid(alpha=0.4)
    figure.savefig(HERE / "scaling.png", dpi=120)


def bare() -> float:
    """Return the packet-hops per second of a loop that fires two empty events a packet-hop, 1,000 in its queue."""
    hops = 100_000

    def loop() -> None:
        env = simpy.Environment()
        left = [2 * hops]

        def again(_: simpy.Event) -> None:
            if left[0] > 0:
                left[0] -= 1
                env.timeout(1).callbacks.append(again)

        for _ in range(1000):
            env.timeout(1).callbacks.append(again)
        env.run()

    return hops / seconds(loop, 3)


def seconds(work: Callable[[], object], runs: int) -> float:
    """Return the least CPU time of `runs` runs."""
    spent = []
    for _ in range(runs):
        start = process_time()
        work()
        spent.append(process_time() - start)
    return max(min(spent), 1e-9)


def peak() -> float:
    """Return the largest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
