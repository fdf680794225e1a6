"""What the conformance suite runs: every registered algorithm on small topologies of every kind it suits."""

from __future__ import annotations

from functools import cache

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.errors import AlgorithmUnsuitable
from collsim.topology import load

ANY = ("ring", "bidirectional-ring", "binomial-tree", "double-binary-tree", "direct", "multitree")
"""All-reduce algorithms that run on every connected topology and any rank count of 2 or more."""

PARTS = ("partial-all-reduce:p=0.3,h=768",)
"""Partial all-reduces that every algorithm for all-reduce has to do."""

TOPOLOGIES = (
    "ring2",
    "ring3",
    "ring8",
    "full2",
    "full5",
    "full8",
    "switch7",
    "switch8",
    "hypercube8",
    "torus2x2",
    "torus3x3",
    "torus4x4",
    "torus2x3x4",
    "mesh2x2",
    "mesh3x5",
    "mesh4x4",
    "fattree2",
    "fattree4",
    "fattree3x2",
    "fattree4x2",
    "leafspine4x4x2",
    "dragonfly1x2x1",
    "dragonfly2x2x1",
    "bigraph2x4",
    "bigraph4x4",
    "dgx1-v100",
    "gaudi3",
)


@cache
def topology(name):
    return load(name)


def schedule(algorithm, topo, operation, root=0):
    """Return the schedule, or None where the algorithm refuses with a reason."""
    wanted = collective(operation, root)
    try:
        return ALGORITHMS.get(algorithm).schedule(topology(topo), wanted)
    except AlgorithmUnsuitable as refusal:
        if topo not in str(refusal) and topology(topo).name not in str(refusal):
            raise AssertionError(f"a refusal names the topology: {refusal}") from refusal
        return None


def operations(entry):
    """Return the collectives that an algorithm does, in the words of --collective: all-reduce also in part."""
    return (*entry.collectives, *(PARTS if "all-reduce" in entry.collectives else ()))


def suitable():
    """Yield (algorithm, topology, collective) for everything registered that does not refuse."""
    for name, entry in ALGORITHMS.items():
        for topo in dict.fromkeys((*entry.suits, *TOPOLOGIES)):
            for operation in operations(entry):
                yield name, topo, operation
