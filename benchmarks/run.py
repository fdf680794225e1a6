"""What the engines cost, in ratios within one run: `python benchmarks/run.py [--size 1MiB]`.

Columns: CPU seconds (best of three), packet-hops per second, and the rate over that of a bare SimPy event loop which does
nothing but schedule and fire two events a packet-hop, the least a SimPy engine can do.
"""

from __future__ import annotations

from time import process_time

import click
import simpy
from rich.console import Console
from rich.table import Table

import collsim

CASES = (
    ("ring16", "ring", "one hop a message, no contention"),
    ("torus4x4", "multitree", "one hop a message, every link busy"),
    ("fattree4", "halving-doubling", "up to six hops, links shared"),
    ("dragonfly2x2x1", "direct", "all pairs at once"),
)


@click.command()
@click.option("--size", default="1MiB", show_default=True)
def main(size: str) -> None:
    table = Table("topology", "algorithm", "what", "engine", "CPU s", "packet-hops/s", "over a bare loop", "over simpy")
    bare = 1 / seconds(lambda: bare_loop(100_000)) * 100_000
    for topology, algorithm, what in CASES:
        rates = {}
        for engine in ("simpy", "analytic"):
            outcome = collsim.simulate(topology, algorithm, size=size, engine=engine)
            program = collsim_program(outcome)
            spent = seconds(lambda e=engine, o=outcome, p=program: run(e, o, p))
            rates[engine] = outcome.result.packet_hops / spent
            ratios = f"{rates[engine] / bare:.2f}", f"{rates[engine] / rates['simpy']:.1f}"
            table.add_row(topology, algorithm, what, engine, f"{spent:.3f}", f"{rates[engine]:,.0f}", *ratios)
    Console().print(table)


def collsim_program(outcome: collsim.Outcome) -> object:
    """Return the program that an outcome timed."""
    from collsim.program import single_call

    return single_call(outcome.schedule, outcome.size)


def run(engine: str, outcome: collsim.Outcome, program: object) -> None:
    """Run the engine alone: no construction, proof or bound."""
    from collsim.engines.engine import ENGINES

    ENGINES.get(engine)(outcome.topology, program, outcome.network)


def bare_loop(hops: int) -> None:
    """Fire two empty events a packet-hop, 1,000 of them in the queue at a time."""
    env = simpy.Environment()
    left = [2 * hops]

    def again(_: simpy.Event) -> None:
        if left[0] > 0:
            left[0] -= 1
            event = env.timeout(1)
            event.callbacks.append(again)

    for _ in range(1000):
        env.timeout(1).callbacks.append(again)
    env.run()


def seconds(work: object) -> float:
    """Return the least CPU time of three runs."""
    spent = []
    for _ in range(3):
        start = process_time()
        work()
        spent.append(process_time() - start)
    return max(min(spent), 1e-9)


if __name__ == "__main__":
    main()
