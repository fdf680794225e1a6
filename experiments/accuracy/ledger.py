"""The rows of docs/accuracy.md: a published or first-principles number, ours, and the tolerance fixed beforehand.

A row's `ours` is computed when called; nothing is stored. `how` says what produced it: the SimPy engine ("engine"), the
bound, the schedule, or a formula alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import isca21
from row import Row

import collsim
from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.bounds import lower_bound
from collsim.collectives.collective import collective
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.program import Program, Send
from collsim.topology import load
from collsim.units import FS_PER_SECOND, parse_size

NS = 10**6
UNIT = 10**9
"""Bandwidth of the unit links that the published optima speak of, bytes/s."""


def rows() -> Iterator[Row]:
    """Yield every row, group by group."""
    yield from closed_forms()
    yield from all_gather_optima()
    yield from all_reduce_bounds()
    yield from tto_mesh()
    yield from multitree_steps()
    yield from multitree_free_running()
    yield from isca21.rows()
    yield from doubling_on_a_ring()
    yield from astra_sim()
    yield from tacos()
    yield from sccl()


def run_fs(topology: str, algorithm: str, size: int, **settings: object) -> int:
    """Return the SimPy engine's time in fs."""
    return collsim.simulate(topology, algorithm, size=size, engine="simpy", **settings).result.time


def closed_forms() -> Iterator[Row]:
    """Exact forms on a machine whose packets divide evenly: alpha 150 ns, beta 1/16 ns a byte, S = 1 MiB."""
    alpha, beta, size = 150 * NS, Fraction(NS, 16), 2**20
    cases = [
        ("ring all-reduce", "ring8", "ring", 14, Fraction(14, 8), {}),
        ("bidirectional ring all-reduce", "ring8", "bidirectional-ring", 14, Fraction(7, 8), {}),
        ("ring all-gather", "ring8", "ring", 7, Fraction(7, 8), {"collective": "all-gather"}),
        ("ring reduce-scatter", "ring8", "ring", 7, Fraction(7, 8), {"collective": "reduce-scatter"}),
        ("recursive doubling all-reduce", "full8", "recursive-doubling", 3, Fraction(3), {}),
        ("halving-doubling all-reduce", "full8", "halving-doubling", 6, Fraction(14, 8), {}),
        ("binomial reduce + broadcast", "full8", "binomial-tree", 6, Fraction(6), {}),
        ("direct all-reduce", "full8", "direct", 2, Fraction(2, 8), {}),
        ("2-D ring 4 x 4", "torus4x4", "2d-ring:parts=1", 12, 2 * (Fraction(3, 4) + Fraction(3, 16)), {}),
    ]
    for what, topology, algorithm, steps, volume, extra in cases:
        theirs = steps * alpha + volume * size * beta
        assert theirs.denominator == 1
        yield Row(
            "Closed forms, 1 MiB, 16 GB/s, 150 ns",
            f"{what} ({topology})",
            float(theirs) / 1e9,
            lambda t=topology, a=algorithm, e=extra: run_fs(t, a, size, **e) / 1e9,
            "us",
            0,
            "engine, exact",
        )


def all_gather_optima() -> Iterator[Row]:
    """Optimal all-gather throughput, total bytes over time (ForestColl and first principles)."""
    gb = 10**9
    published = [
        ("dgx-a100", "A100 box, 8 GPUs", 342.857, gb, None),
        ("dgx-a100-x2", "two A100 boxes, 25 GB/s NIC a GPU", 346.667, gb, None),
        ("dgx1-v100", "DGX-1 V100, unit = one NVLink", 48 / 7, 25 * gb, None),
        ("ring8", "ring 8", 16 / 7, UNIT, UNIT),
        ("mesh4x4", "mesh 4x4", 2.1333, UNIT, UNIT),
        ("torus4x4", "torus 4x4", 4.2667, UNIT, UNIT),
        ("dragonfly2x4x2", "dragonfly p2 a4 h2, 72 hosts", 1.0141, UNIT, UNIT),
    ]
    for name, what, theirs, unit, bandwidth in published:
        yield Row(
            "Optimal all-gather throughput",
            f"{what} (`{name}`)",
            theirs,
            lambda n=name, u=unit, b=bandwidth: optimum(n, b) / u,
            "units",
            5e-5,
            "bound, exact",
        )


def optimum(name: str, bandwidth: int | None, operation: str = "all-gather") -> float:
    """Return bytes/s of the best possible `operation` for large sizes, latency left out."""
    topology = load(name, bandwidth=bandwidth, latency=0) if bandwidth else load(name)
    size = 2**50
    bound = lower_bound(topology, collective(operation), range(topology.hosts), size)
    return size * FS_PER_SECOND / float(bound.time)


def all_reduce_bounds() -> Iterator[Row]:
    """Least all-reduce times in units of M / b (design of the bounds: partitions of the nodes)."""
    leaves = load(Path(__file__).with_name("leafspine_half_uplinks.yaml"))
    bound = lower_bound(leaves, collective("all-reduce"), range(leaves.hosts), 2**50)
    yield Row(
        "Least all-reduce time, M/b",
        "leaf-spine, 4 leaves of 4 hosts, uplinks of half a link",
        3.0,
        lambda: float(bound.time) * UNIT / FS_PER_SECOND / 2**50,
        "M/b",
        1e-9,
        "bound, exact",
    )
    yield Row(
        "Least all-reduce time, M/b",
        "mesh 8x8, strength of the graph",
        0.5625,
        lambda: UNIT / optimum("mesh8x8", UNIT, "all-reduce"),
        "M/b",
        1e-9,
        "bound, exact",
    )


def tto_mesh() -> Iterator[Row]:
    """Flit-level all-reduce cycles on the 4x4 mesh of TTO (HPCA 2024): 21 cycles a flit of 512 B, 17 flits a message."""
    # 512 B in 21 ns, so that a message of 16 payload flits and one head flit takes 357 cycles of 1 ns.
    machine = {"bandwidth": 512 * 10**9 // 21, "latency": "21ns"}
    network = {"packet_payload": "8192", "header": "512"}
    published = [
        ("ring", 1, 86_136, 0.005),
        ("ring", 4, 343_356, 0.005),
        ("ring", 64, 5_485_432, 0.005),
        ("bidirectional-ring", 64, 2_743_121, 0.005),
        ("double-binary-tree", 64, 7_333_421, 0.10),
        ("multitree:termination=authors", 64, 3_683_593, 0.10),
    ]
    for algorithm, mebibytes, theirs, tolerance in published:
        yield Row(
            "Mesh 4x4 of TTO, flit level, cycles of 1 ns",
            f"{algorithm}, {mebibytes} MiB",
            theirs,
            lambda a=algorithm, m=mebibytes: run_fs("mesh4x4", a, m * 2**20, network=network, **machine) / NS,
            "cycles",
            tolerance,
            "engine",
        )
    # On a mesh the two directions of a row meet in every step, and who wins a switch decides. The switches of this line of
    # simulators prefer the lower step; what that does to the double binary tree stands in docs/multitree.md.
    preferring = network | {"arbitration": "lowest-step"}
    yield Row(
        "Mesh 4x4 of TTO, flit level, cycles of 1 ns",
        "2d-ring-isca21 with arbitration=lowest-step, 64 MiB",
        4_737_895,
        lambda: run_fs("mesh4x4", "2d-ring-isca21", 64 * 2**20, network=preferring, **machine) / NS,
        "cycles",
        0.10,
        "engine",
    )


def multitree_steps() -> Iterator[Row]:
    """Steps a phase of MULTITREE, from the authors' code and with any-tree termination."""
    published = [
        ("torus4x4", "authors", 5),
        ("torus8x8", "authors", 17),
        ("mesh4x4", "authors", 10),
        ("mesh8x8", "authors", 33),
        ("mesh4x4", "any-tree", 8),
        ("mesh8x8", "any-tree", 32),
        ("fattree4x2", "authors", 15),
        ("fattree8x2", "authors", 63),
        ("bigraph4x8", "authors", 31),
        ("bigraph4x16", "authors", 63),
    ]
    for name, termination, theirs in published:
        yield Row(
            "MULTITREE, steps a phase",
            f"{name}, termination of {termination}",
            theirs,
            lambda n=name, t=termination: all_gather_steps(n, t),
            "steps",
            0,
            "schedule, exact",
        )


def multitree_free_running() -> Iterator[Row]:
    """Steps of a chunk's time that a free-running MULTITREE all-reduce takes with the lowest-step NIC and no latency."""
    for name, theirs in (("torus4x4", 10), ("torus8x8", 34), ("mesh4x4", 16), ("mesh8x8", 63)):
        yield Row(
            "MULTITREE without lockstep, lowest-step NIC, chunk times",
            name,
            theirs,
            lambda n=name: chunk_times(n),
            "chunk times",
            0,
            "engine, exact",
        )


def chunk_times(name: str) -> float:
    """Return the all-reduce time over the time of one chunk of 16 KiB on one link."""
    chunk = 2**14
    time = run_fs(name, "multitree", load(name).hosts * chunk, latency="0ns", bandwidth="16GB/s")
    return time / (chunk * NS / 16)


def doubling_on_a_ring() -> Iterator[Row]:
    """Latency of recursive doubling on a bidirectional ring of 2^k: (n-1) L against 2(n-1) L of ring (arXiv 2510.03491)."""
    for algorithm, theirs in (("recursive-doubling", 15), ("ring", 30)):
        yield Row(
            "Latency part on a ring of 16, in link latencies",
            algorithm,
            theirs,
            lambda a=algorithm: run_fs("ring16", a, 16, latency="1ms", bandwidth="1TB/s") / 10**12,
            "L",
            1e-6,
            "engine",
        )


def all_gather_steps(name: str, termination: str) -> int:
    """Return the steps of MULTITREE's all-gather phase."""
    entry = ALGORITHMS.get("multitree")
    return entry.schedule(load(name), collective("all-gather"), termination=termination).steps


def astra_sim() -> Iterator[Row]:
    """ASTRA-sim 2.0, analytical back end: 1 MiB, 50 GiB/s, 500 ns; nanoseconds, which it rounds down at every hop."""
    cases = [
        ("ring16", "ring, NPU 1 to 4, congestion-unaware", 21_031, "cut-through", 3),
        ("ring16", "ring, NPU 1 to 4, store and forward of whole chunks", 60_093, "store-and-forward", 3),
        ("full16", "fully connected, 1 to 4", 20_031, "store-and-forward", 1),
        ("switch16", "switch, 1 to 4, congestion-unaware", 20_531, "cut-through", 2),
        ("switch16", "switch, 1 to 4, store and forward of whole chunks", 40_062, "store-and-forward", 2),
    ]
    for name, what, theirs, switching, hops in cases:
        yield Row(
            "ASTRA-sim 2.0, point to point, ns",
            what,
            theirs,
            lambda n=name, s=switching: point_to_point(n, s) / NS,
            "ns",
            hops / theirs,
            "engine, within the 1 ns that each hop rounds",
        )


def point_to_point(name: str, switching: str) -> int:
    """Return fs of a message of 1 MiB, one packet, from host 1 to host 4."""
    program = Program((Send(1, 4, 2**20),))
    config = NetworkConfig().with_settings({"packet_payload": "1MiB", "switching": switching})
    topology = load(name, bandwidth="50GiB/s", latency="500ns")
    return ENGINES.get("simpy")(topology, program, config).time


def tacos() -> Iterator[Row]:
    """TACOS tests: all-gather times that our best registered algorithm must not miss by more than one percent."""
    cases = [
        ("mesh5x5", "500ns", "50GiB/s", "1024MiB", 9_606.0, ("multitree", "ring", "bidirectional-ring", "2d-ring:parts=4")),
        ("mesh10x10", "1us", "100GiB/s", "1024MiB", 5_049.0, ("multitree", "bidirectional-ring", "2d-ring:parts=4")),
        ("torus3x4x5", "500ns", "50GiB/s", "2048MiB", 6_676.67, ("multitree", "multitree:chunks=8,turns=smallest")),
    ]
    for name, latency, bandwidth, size, theirs, candidates in cases:
        yield Row(
            "TACOS tests, all-gather, best of ours, us",
            f"{name}, {size}",
            theirs,
            lambda n=name, i=latency, b=bandwidth, s=size, c=candidates: best_all_gather(n, i, b, s, c),
            "us",
            0.01,
            "analytic engine",
            below=True,
        )


def best_all_gather(name: str, latency: str, bandwidth: str, size: str, candidates: tuple[str, ...]) -> float:
    """Return the least time in us over `candidates`."""
    settings = {"latency": latency, "bandwidth": bandwidth, "collective": "all-gather", "engine": "analytic"}
    runs = (collsim.simulate(name, algorithm, size=parse_size(size), **settings) for algorithm in candidates)
    return min(run.result.time for run in runs) / 1e9


def sccl() -> Iterator[Row]:
    """SCCL on DGX-1: least steps (the diameter) and least rounds a chunk of an all-gather."""
    yield Row(
        "SCCL, all-gather on DGX-1",
        "least rounds a chunk",
        7 / 6,
        lambda: 8 / (optimum("dgx1-v100", None) / (25 * 10**9)),
        "rounds",
        1e-9,
        "bound, exact",
    )
    yield Row("SCCL, all-gather on DGX-1", "least steps", 2, dgx1_diameter, "steps", 0, "topology, exact")


def dgx1_diameter() -> int:
    """Return the diameter in hops."""
    from collsim.topology.measures import measure

    return measure(load("dgx1-v100")).diameter
