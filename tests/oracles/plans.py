"""Small right schedules made by hand, one for each kind of thing a proof must follow, and a way to change their rows."""

from dataclasses import replace

import numpy as np

from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, REDUCE, ScheduleBuilder
from collsim.topology import Link, build


def ring_topology(n, bandwidth=10**9):
    ends = [(r, (r + k) % n) for r in range(n) for k in (1, n - 1)] if n > 2 else [(0, 1), (1, 0)]
    return build(f"ring-{n}", n, [Link(a, b, bandwidth, 0) for a, b in ends], forwards=[True] * n)


def ring_all_reduce(n):
    b, r = ScheduleBuilder(collective("all-reduce"), "ring", range(n), [1] * n), np.arange(n)
    for s in range(n - 1):
        b.add_many(s, r, (r + 1) % n, (r - s) % n, REDUCE)
    for s in range(n - 1):
        b.add_many(n - 1 + s, r, (r + 1) % n, (r + 1 - s) % n, COPY)
    return b.finish()


def ring_all_gather(n):
    b, r = ScheduleBuilder(collective("all-gather"), "ring", range(n), [1] * n, chunk_src=range(n)), np.arange(n)
    for s in range(n - 1):
        b.add_many(s, r, (r + 1) % n, (r - s) % n, COPY)
    return b.finish()


def direct_reduce_scatter(n):
    """Several reduces land in one cell in the one step."""
    b = ScheduleBuilder(collective("reduce-scatter"), "direct", range(n), [1] * n, chunk_dst=range(n))
    for src in range(n):
        for dst in set(range(n)) - {src}:
            b.add(0, src, dst, dst, REDUCE)
    return b.finish()


def direct_all_to_all(n):
    owners = [(s, d) for s in range(n) for d in range(n)]
    src, dst = zip(*owners, strict=True)
    b = ScheduleBuilder(collective("all-to-all"), "direct", range(n), [1] * n * n, unit=n, chunk_src=src, chunk_dst=dst)
    for chunk, (s, d) in enumerate(owners):
        if s != d:
            b.add(0, s, d, chunk, COPY)
    return b.finish()


def recursive_doubling(k):
    """Ranks exchange and reduce the same cyclic range of two chunks in one step."""
    b = ScheduleBuilder(collective("all-reduce"), "recursive-doubling", range(2**k), [2, 1])
    for step in range(k):
        for rank in range(2**k):
            b.add(step, rank, rank ^ (1 << step), 1, REDUCE, count=2)
    return b.finish()


def chain_broadcast(n, segments):
    """Explicit paths on a ring, one link each, and the last rank served the other way round over two links."""
    topology = ring_topology(n)
    b = ScheduleBuilder(collective("broadcast"), "chain", range(n), [1] * segments)
    for chunk in range(segments):
        for rank in range(n - 2):
            b.add(chunk + rank, rank, rank + 1, chunk, COPY, path=topology.links_between(rank, rank + 1)[:1])
        path = [topology.links_between(1, 0)[0], topology.links_between(0, n - 1)[0]]
        b.add(chunk + 1, 1, n - 1, chunk, COPY, path=path)
    return b.finish()


def star_reduce(n):
    b = ScheduleBuilder(collective("reduce"), "star", range(n), [1])
    for rank in range(1, n):
        b.add(rank % 2, rank, 0, 0, REDUCE)
    return b.finish()


def plans():
    """Return [(schedule, topology)], all right."""
    small = (ring_all_reduce(4), ring_all_gather(4), direct_reduce_scatter(3), direct_all_to_all(3), recursive_doubling(2))
    return [(p, ring_topology(p.ranks)) for p in (*small, chain_broadcast(5, 2), star_reduce(4))]


def rows_of(plan):
    """Return the transfers as dicts that a test may change and `with_rows` puts back."""
    names = ("step", "src", "dst", "chunk", "count", "op")
    return [
        {name: int(getattr(plan, name)[t]) for name in names}
        | {"deps": plan.deps_of(t).tolist(), "path": plan.path_of(t).tolist()}
        for t in range(plan.transfers)
    ]


def with_rows(plan, rows):
    """Return `plan` with `rows` for transfers, every non-empty list of dependencies a set of its own."""
    sets = [[]] + [row["deps"] for row in rows if row["deps"]]
    number = iter(range(1, len(sets)))
    columns = {
        name: np.array([row[name] for row in rows], dtype=np.int64)
        for name in ("step", "src", "dst", "chunk", "count", "op")
    }
    return replace(
        plan,
        **columns,
        dep_set=np.array([next(number) if row["deps"] else 0 for row in rows], dtype=np.int64),
        set_offsets=np.cumsum([0] + [len(s) for s in sets]),
        set_members=np.array([d for s in sets for d in s], dtype=np.int64),
        path_offsets=np.cumsum([0] + [len(row["path"]) for row in rows]),
        path_links=np.array([link for row in rows for link in row["path"]], dtype=np.int64),
    )


def without(rows, gone):
    """Return `rows` without transfer `gone`, dependencies renumbered."""
    keep = [t for t in range(len(rows)) if t != gone]
    number = {old: new for new, old in enumerate(keep)}
    return [rows[t] | {"deps": [number[d] for d in rows[t]["deps"] if d != gone]} for t in keep]
