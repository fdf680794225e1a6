"""The exported schedule is replayed chunk by chunk by a reader that knows nothing but the JSON."""

import json
from itertools import pairwise

import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.export import schedule_to_dict
from collsim.topology import load

CASES = [
    ("ring", "ring5"),
    ("multitree", "torus4x4"),
    ("halving-doubling", "full8"),
    ("direct", "switch6"),
    ("ring", "mesh3x5"),
]


def exported(algorithm, topology):
    machine = load(topology)
    plan = ALGORITHMS.get(algorithm).schedule(machine, collective("all-reduce"))
    return plan, json.loads(json.dumps(schedule_to_dict(plan, machine)))


def replay(data):
    """Run the entries in order of dependencies alone and return what every (rank, chunk) holds, contribution counts."""
    ranks, chunks, entries = data["ranks"], len(data["chunks"]), data["transfers"]
    held = {(r, c): {r: 1} for r in range(ranks) for c in range(chunks)}
    deliveries = {}
    for entry in sorted(entries, key=lambda e: e["step"]):
        deliveries.setdefault((entry["dst"], entry["chunk"]), []).append(entry)
    sent = {}
    for step in sorted({e["step"] for e in entries}):
        now = [e for e in entries if e["step"] == step]
        for e in now:
            sent[e["id"]] = dict(held[e["src"], e["chunk"]])
        for e in now:
            target, value = held[e["dst"], e["chunk"]], sent[e["id"]]
            if e["op"] == "copy":
                held[e["dst"], e["chunk"]] = dict(value)
            else:
                for rank, count in value.items():
                    target[rank] = target.get(rank, 0) + count
    return held, deliveries


@pytest.mark.parametrize("algorithm, topology", CASES)
def test_a_reader_of_the_json_alone_gets_the_right_sum(algorithm, topology):
    _, data = exported(algorithm, topology)
    held, _ = replay(data)
    everyone = dict.fromkeys(range(data["ranks"]), 1)
    assert all(value == everyone for value in held.values())


@pytest.mark.parametrize("algorithm, topology", CASES)
def test_every_earlier_delivery_of_the_chunk_is_among_the_dependencies(algorithm, topology):
    _, data = exported(algorithm, topology)
    _, deliveries = replay(data)
    before = {}
    for entry in sorted(data["transfers"], key=lambda e: e["step"]):
        reached = set(entry["deps"]).union(*(before[d] for d in entry["deps"]))
        before[entry["id"]] = reached
        needed = {d["id"] for d in deliveries.get((entry["src"], entry["chunk"]), []) if d["step"] < entry["step"]}
        assert needed <= reached


@pytest.mark.parametrize("algorithm, topology", CASES)
def test_entries_keep_messages_weights_and_paths(algorithm, topology):
    plan, data = exported(algorithm, topology)
    machine = load(topology)
    assert [e["id"] for e in data["transfers"]] == list(range(int(plan.count.sum())))
    assert {e["message"] for e in data["transfers"]} == set(range(plan.transfers))
    assert sum(data["chunks"]) == data["unit"]
    for entry in data["transfers"]:
        path = entry["path"]
        if path is not None:
            assert path[0] == data["hosts"][entry["src"]]
            assert path[-1] == data["hosts"][entry["dst"]]
            assert all(machine.links_between(a, b) for a, b in pairwise(path))
