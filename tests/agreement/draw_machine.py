"""Random machines that suit a routing: families of every kind and graphs of no family, of equal or unequal links."""

from __future__ import annotations

import random
from functools import cache

from agreement.cases import Machine

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.errors import AlgorithmUnsuitable
from collsim.topology import load
from collsim.topology.graph import Topology

__all__ = ["draw_machine", "draw_suited"]

GRIDS = (
    "ring2",
    "ring3",
    "ring4",
    "ring5",
    "ring6",
    "ring8",
    "ring9",
    "torus2x2",
    "torus3x3",
    "torus4x3",
    "torus5x3",
    "torus4x4",
    "torus2x3x2",
)
MESHES = ("mesh2x3", "mesh3x3", "mesh4x2", "mesh2x2x3")
CUBES = ("hypercube4", "hypercube8", "hypercube8", "hypercube16")
TREES = ("fattree2", "fattree2x2", "fattree4x2", "fattree3x2", "leafspine2x2x2", "leafspine3x2x1", "fattree4")
FLIES = ("dragonfly1x2x1", "dragonfly2x2x1", "dragonfly1x3x1", "bigraph2x4", "bigraph3x2", "bigraph2x6")
FLAT = ("switch3", "switch5", "switch8", "full3", "full5")
GRAPH = "graph"
BOXES = ("dgx1-v100",)
SMALL = (*GRIDS, *MESHES, *CUBES, *TREES, *FLIES, *FLAT, *BOXES)
ALL = (*SMALL, *(GRAPH,) * 6)
SUITING = {
    "dimension-order": (*GRIDS, *MESHES),
    "e-cube": CUBES,
    "up-down": TREES,
    "minimal": (*FLIES, *FLAT, GRAPH, GRAPH, GRAPH),
    "valiant": (*GRIDS, *MESHES, *CUBES, *FLIES, GRAPH, GRAPH),
    "ugal": (*FLIES, *FLIES, "graph of leaves"),
}
KNOTS = ("ring6", "ring8", "ring8", "ring9", "torus3x3", "torus4x3", "torus5x3", "torus4x4", "hypercube8")
RATES = (10**9, 3 * 10**9, 16 * 10**9, 25 * 10**9 + 1, 10**9 // 3, 46_000_000_007, 400 * 10**9 // 7, 900 * 10**9)
LATENCIES = (0, 0, 1, 10**5, 150 * 10**6, 150 * 10**6, 10**9, 777_777_777)


def draw_machine(rng: random.Random, routing: str, *, knot: bool) -> Machine:
    """Return a machine that `routing` fits; a `knot` is one where packets can wait in a circle."""
    suiting = SUITING.get(routing, ALL)
    if knot:
        suiting = tuple(name for name in KNOTS if suiting is ALL or name in suiting) or suiting
    base = rng.choice(suiting)
    machine = _graph(rng, leaves=base != GRAPH) if base.startswith(GRAPH) else Machine(((1, 0),), base)
    return _with_speeds(rng, machine, knot=knot)


def draw_suited(rng: random.Random, algorithm: str) -> Machine:
    """Return a machine on which an algorithm has a schedule for all hosts."""
    for base in rng.sample(SMALL, len(SMALL)):
        if suits(algorithm, base):
            machine = _with_speeds(rng, Machine(((1, 0),), base), knot=False)
            while not _takes(algorithm, machine):
                machine = _with_speeds(rng, Machine(((1, 0),), base), knot=False)
            return machine
    raise AssertionError(f"{algorithm} suits none of the machines drawn here; add one to draw_machine.py")


@cache
def suits(algorithm: str, base: str) -> bool:
    """Tell whether an algorithm takes all hosts of a machine."""
    return _schedules(algorithm, load(base), ALGORITHMS.get(algorithm).collectives[0])


def _takes(algorithm: str, machine: Machine) -> bool:
    """Tell whether an algorithm takes a machine whose links may differ, which matters to some."""
    return len(machine.speeds) == 1 or _schedules(algorithm, machine.topology, *ALGORITHMS.get(algorithm).collectives)


def _schedules(algorithm: str, topology: Topology, *collectives: str) -> bool:
    try:
        for name in collectives:
            ALGORITHMS.get(algorithm).schedule(topology, collective(name))
    except AlgorithmUnsuitable:
        return False
    return True


def _with_speeds(rng: random.Random, machine: Machine, *, knot: bool) -> Machine:
    count = machine.topology.links
    kind = rng.choices(("equal", "slow-fast", "each", "fast"), (85, 5, 5, 5) if knot else (45, 20, 30, 5))[0]
    if kind == "equal":
        speeds = [(rng.choice(RATES), rng.choice(LATENCIES))]
    elif kind == "fast":
        # A packet takes a few femtoseconds: everything happens at once.
        speeds = [(rng.choice((10**18, 10**17 + 1, 10**15)), rng.choice((0, 1, 2, 5))) for _ in range(count)]
    elif kind == "slow-fast":
        two = [(rng.choice(RATES), rng.choice(LATENCIES)) for _ in range(2)]
        speeds = [rng.choice(two) for _ in range(count)]
    else:
        speeds = [(rng.choice((*RATES, rng.randrange(10**8, 10**11))), rng.choice(LATENCIES)) for _ in range(count)]
    return Machine(tuple(speeds), machine.base, machine.hosts, machine.switches, machine.ends, machine.forwards)


def _graph(rng: random.Random, *, leaves: bool) -> Machine:
    """A connected graph of switches with hosts on them, and more cables and one-way links among them; `leaves`: no host
    forwards or has a second link.
    """
    hosts, switches = rng.randint(2, 8), rng.randint(1, 6)
    core = [hosts + k for k in range(switches)]
    cables = [(node, rng.choice(core[:k])) for k, node in enumerate(core) if k]
    if rng.random() < 0.4 and switches > 2:
        cables = [(core[k], core[(k + 1) % switches]) for k in range(switches)]
    cables += [(h, rng.choice(core)) for h in range(hosts)]
    forwards = core
    nodes = core if leaves else range(hosts + switches)
    extra = [(rng.choice(nodes), rng.choice(nodes)) for _ in range(rng.randint(0, 6))]
    if not leaves:
        forwards = sorted({*core, *(h for h in range(hosts) if rng.random() < 0.3)})
    cables += [ends for ends in extra if ends[0] != ends[1]]
    links = [ends for a, b in cables for ends in ((a, b), (b, a))]
    links += [ends for ends in extra[:2] if ends[0] != ends[1] and rng.random() < 0.5]
    rng.shuffle(links)
    return Machine(((1, 0),), "", hosts, switches, tuple(links), tuple(forwards))
