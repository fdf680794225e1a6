"""What a schedule computes, replayed on dictionaries of multisets, and what a collective asks for, side by side.

Deliberately slow and literal: one Counter of contributing ranks per (rank, chunk), rebuilt step by step.
"""

from collections import Counter, defaultdict

COPY = 0


def start(plan):
    """Return {(rank, chunk): Counter of contributors} before the first step."""
    held = {}
    for rank in range(plan.ranks):
        for chunk in range(plan.chunks):
            owner = {
                "all-gather": plan.chunk_src[chunk],
                "all-to-all": plan.chunk_src[chunk],
                "broadcast": plan.collective.root,
            }.get(plan.collective.name, rank)
            held[rank, chunk] = Counter([rank] if owner == rank else [])
    return held


def replay(plan):
    """Return the contributions every (rank, chunk) ends with; AssertionError for an illegal step or empty send."""
    held = start(plan)
    by_step = defaultdict(list)
    for t in range(plan.transfers):
        by_step[int(plan.step[t])].append(t)
    for step in sorted(by_step):
        landing = defaultdict(list)
        for t in by_step[step]:
            source, target, op = int(plan.src[t]), int(plan.dst[t]), int(plan.op[t])
            assert source != target
            for chunk in plan.chunks_of(t):
                value = held[source, chunk]
                assert value, f"transfer {t} carries nothing of chunk {chunk}"
                landing[target, chunk].append((op, value))
        before = dict(held)
        for cell, deliveries in landing.items():
            operations = [op for op, _ in deliveries]
            if COPY in operations:
                assert len(operations) == 1, f"step {step} writes {cell} more than once"
                held[cell] = deliveries[0][1]
            else:
                held[cell] = sum((value for _, value in deliveries), before[cell])
    return held


def check(plan):
    """Assert that `plan` does exactly what its collective demands, and that each dependency is there."""
    name, root, everyone = plan.collective.name, plan.collective.root, Counter(range(plan.ranks))
    held = replay(plan)
    for chunk in range(plan.chunks):
        source, home = int(plan.chunk_src[chunk]), int(plan.chunk_dst[chunk])
        wanted = {
            "all-reduce": (range(plan.ranks), everyone),
            "reduce-scatter": ([home], everyone),
            "all-gather": (range(plan.ranks), Counter([source])),
            "broadcast": (range(plan.ranks), Counter([root])),
            "reduce": ([root], everyone),
            "all-to-all": ([home], Counter([source])),
        }[name]
        for rank in wanted[0]:
            assert held[rank, chunk] == wanted[1], (rank, chunk, held[rank, chunk])
    check_homes(plan)
    check_dependencies(plan)


def check_homes(plan):
    """Assert that weights and homes are what the collective's buffers look like."""
    name, weights = plan.collective.name, plan.weights.tolist()
    total = sum(weights)
    assert total == plan.unit * (plan.ranks if name == "all-to-all" else 1)
    for column, used in ((plan.chunk_src, ("all-gather", "all-to-all")), (plan.chunk_dst, ("reduce-scatter", "all-to-all"))):
        share = Counter()
        for rank, weight in zip(column.tolist(), weights, strict=True):
            share[rank] += weight
        assert share == (Counter(dict.fromkeys(range(plan.ranks), total // plan.ranks)) if name in used else {-1: total})
    if name == "all-gather":
        assert sorted(plan.chunk_src.tolist()) == plan.chunk_src.tolist()


def check_dependencies(plan):
    """Assert that every delivery a transfer carries is a dependency, and nothing that is later."""
    arrived = defaultdict(list)
    for t in range(plan.transfers):
        for chunk in plan.chunks_of(t):
            arrived[int(plan.dst[t]), chunk].append(t)
    for t in range(plan.transfers):
        cells = [(int(plan.src[t]), chunk) for chunk in plan.chunks_of(t)]
        needed = {d for cell in cells for d in arrived[cell] if plan.step[d] < plan.step[t]}
        assert set(plan.deps_of(t).tolist()) == needed
