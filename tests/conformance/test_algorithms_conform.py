"""Every registered algorithm, unasked: proved, with true facts, exact bytes, and refusals that give reasons."""

from fractions import Fraction
from math import isclose

import numpy as np
import pytest
from conformance.cases import ANY, TOPOLOGIES, operations, schedule, suitable, topology

from collsim.collectives.algorithm import ALGORITHMS, parse_algorithm
from collsim.collectives.collective import COLLECTIVES, collective
from collsim.collectives.verify import verify
from collsim.errors import AlgorithmUnsuitable, InvalidValue

CASES = list(suitable())


@pytest.mark.parametrize("name, topo, operation", CASES, ids=str)
def test_schedule_is_proved_and_keeps_its_facts(name, topo, operation):
    plan = schedule(name, topo, operation)
    if plan is None:
        assert topo not in ALGORITHMS.get(name).suits, "an example of what suits must suit"
        return
    for method in ("exact", "fingerprint"):
        verify(plan, topology(topo), method=method)
    facts = ALGORITHMS.get(name)
    wanted = collective(operation)
    arguments = topology(topo), wanted.whole, plan.ranks
    steps, volume = facts.steps.value(*arguments), facts.volume.value(*arguments)
    assert steps is None or plan.steps == steps
    assert volume is None or isclose(busiest_sender(plan), volume * wanted.share, rel_tol=1e-12)


@pytest.mark.parametrize("way", [way for _, entry in ALGORITHMS.items() for way in entry.ways[1:]])
def test_variants_are_options_that_some_machine_takes_and_are_proved(way):
    entry, options = parse_algorithm(way)
    assert options
    proved = 0
    for topo in (*entry.suits, "torus2x2x2"):
        try:
            plan = entry.schedule(topology(topo), collective(entry.collectives[0]), **options)
        except (AlgorithmUnsuitable, InvalidValue):
            continue
        proved += verify(plan, topology(topo)).transfers
    assert proved


@pytest.mark.parametrize("name", ANY)
@pytest.mark.parametrize("topo", TOPOLOGIES)
def test_universal_algorithms_run_everywhere(name, topo):
    assert schedule(name, topo, "all-reduce") is not None


@pytest.mark.parametrize("operation", COLLECTIVES)
@pytest.mark.parametrize("topo", ["ring2", "full5", "switch7", "mesh3x5", "fattree4"])
def test_every_collective_has_an_algorithm_everywhere(operation, topo):
    names = [name for name, entry in ALGORITHMS.items() if entry.serves(collective(operation))]
    assert any(schedule(name, topo, operation) is not None for name in names)


@pytest.mark.parametrize("root", [1, 6])
@pytest.mark.parametrize("operation", ["broadcast", "reduce"])
def test_any_rank_can_be_root(operation, root):
    for name, entry in ALGORITHMS.items():
        if operation in entry.collectives:
            plan = schedule(name, "ring8", operation, root)
            if plan is not None:
                verify(plan, topology("ring8"), method="exact")


@pytest.mark.parametrize("size", [0, 1, 7, 1000, 2**20 + 3])
def test_bytes_of_a_buffer_sum_exactly(size):
    for name in ALGORITHMS:
        plan = schedule(name, "torus4x4", "all-reduce") if "all-reduce" in ALGORITHMS.get(name).collectives else None
        if plan is not None:
            assert plan.boundaries(size)[-1] == size
            assert plan.message_bytes(size).min() >= 0


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_groups_of_some_hosts_work_or_are_refused(name):
    from collsim.errors import AlgorithmUnsuitable

    entry = ALGORITHMS.get(name)
    for hosts in ([3, 0], [5, 2, 9, 14], [0, 1, 2, 3, 4, 5, 6, 7]):
        for operation in operations(entry):
            try:
                plan = entry.schedule(topology("torus4x4"), collective(operation), hosts)
            except AlgorithmUnsuitable:
                continue
            assert plan.ranks_to_hosts.tolist() == hosts
            verify(plan, topology("torus4x4"), method="exact")


def busiest_sender(plan):
    moved = np.bincount(plan.src, weights=plan.message_bytes(plan.unit).astype(float), minlength=plan.ranks)
    return Fraction(int(moved.max()), plan.unit)
