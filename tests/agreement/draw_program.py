"""Random programs: calls of algorithms and of schedules that no algorithm makes, sends and computations, entangled."""

from __future__ import annotations

import random
from dataclasses import replace

from agreement.cases import Bursts, Compute, Item, Named, Rows, Send

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.schedule import Schedule
from collsim.errors import AlgorithmUnsuitable
from collsim.topology.graph import Topology

__all__ = ["draw_call", "draw_calm", "draw_items"]

ROOTED = ("broadcast", "reduce")
WHOLE = ("2d-ring", "hierarchical")
"""Algorithms that hardly suit any group but all hosts."""
PER_CHUNK = (0.01, 0.4, 1, 1, 1.3, 2, 2.6, 4)
"""Packets a chunk has, about."""


def draw_items(
    rng: random.Random, topology: Topology, settings: dict[str, object], payload: int, *, crowded: bool
) -> tuple[Item, ...]:
    """Return the items of a program on `topology`; `crowded`: many messages over long ways at once."""
    calls = rng.choices((0, 1, 2, 3), (80, 20, 0, 0) if crowded else (25, 40, 20, 15))[0]
    items: list[Item] = []
    for _ in range(calls):
        items.append(_rows(rng, topology, payload) if rng.random() < 0.25 else _named(rng, topology, payload))
    most = 2 * topology.hosts if crowded else rng.choice((0, 4, 12, 30))
    items += _sends(rng, topology, payload, most if items else max(most, 3), crowded=crowded)
    if rng.random() < 0.15:
        items.append(_bursts(rng, topology, payload))
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        items.append(Compute(rng.randrange(topology.hosts), rng.choice((0, 1, 10**6, rng.randrange(10**9)))))
    rng.shuffle(items)
    entangled = rng.choice((0.0, 0.0, 0.1) if crowded else (0.0, 0.1, 0.4))
    return tuple(_after(rng, item, k, entangled) for k, item in enumerate(items))


def draw_call(rng: random.Random, topology: Topology, algorithm: str, payload: int) -> tuple[Item, ...]:
    """Return a call of an algorithm among all hosts, by chance twice or with a few sends beside it."""
    operation = rng.choice(ALGORITHMS.get(algorithm).collectives)
    call = Named(algorithm, operation, tuple(range(topology.hosts)), 0, root=0)
    items: list[Item] = [replace(call, size=_size(rng, call.schedule(topology), payload))]
    items += [items[0]] if rng.random() < 0.3 else []
    return (*items, *(_sends(rng, topology, payload, rng.randint(1, 4), crowded=False) if rng.random() < 0.4 else ()))


def _size(rng: random.Random, plan: Schedule, payload: int) -> int:
    """Bytes of a call whose first chunk is of some packets."""
    return int(rng.choice(PER_CHUNK) * payload * plan.unit / max(int(plan.weights[0]), 1)) + rng.choice((0, 0, 1, 7))


def draw_calm(rng: random.Random, topology: Topology, payload: int) -> tuple[Item, ...]:
    """Return the items of a program in which messages hardly meet: calls one after another, and by chance an intruder."""
    items: list[Item] = []
    hosts = tuple(range(topology.hosts)) if topology.hosts <= 16 else _group(rng, topology)
    if rng.random() < 0.2:
        # So few that they may meet or miss each other.
        return tuple(_sends(rng, topology, payload * rng.choice((1, 4)), rng.randint(2, 5), crowded=False))
    for _ in range(rng.choice((1, 1, 2))):
        call = _named(rng, topology, payload * rng.choice((1, 1, 5)))
        if isinstance(call, Named) and rng.random() < 0.7:
            name = rng.choice(("ring", "bidirectional-ring", "multitree", "recursive-doubling"))
            call = replace(call, algorithm=name, collective="all-reduce", hosts=hosts, root=0)
            try:
                call.schedule(topology)
            except AlgorithmUnsuitable:
                call = replace(call, algorithm="ring")
        items.append(replace(call, deps=(len(items) - 1,) if items else ()))
    if rng.random() < 0.35:
        items += _sends(rng, topology, payload, rng.randint(1, 2), crowded=False)
    return tuple(items)


def _after(rng: random.Random, item: Item, index: int, entangled: float) -> Item:
    if not index or rng.random() >= entangled:
        return item
    return replace(item, deps=tuple(sorted({rng.randrange(index) for _ in range(rng.randint(1, 3))})))


def _sends(rng: random.Random, topology: Topology, payload: int, count: int, *, crowded: bool) -> list[Item]:
    """Sends after a pattern: anybody to anybody, all to one, one to all, or everybody so many hosts on."""
    hosts = topology.hosts
    pattern = "shift" if crowded and rng.random() < 0.85 else rng.choice(("any", "in", "out", "shift"))
    hot, by = rng.randrange(hosts), rng.randint(min(3, hosts - 1) if crowded else 1, max(hosts // 2, min(3, hosts - 1)))
    found: list[Item] = []
    for k in range(count):
        source, target = rng.randrange(hosts), rng.randrange(hosts)
        if pattern == "in" and rng.random() < 0.8:
            target = hot
        elif pattern == "out" and rng.random() < 0.8:
            source = hot
        elif pattern == "shift":
            source, target = k % hosts, (k + by) % hosts
        packets = rng.choice((3, 5, 8)) if crowded else rng.choice((0, 0, 1, 2, 4, 8))
        size = rng.choice((0, 1, payload - 1, payload, packets * payload, packets * payload + rng.randrange(payload)))
        found.append(Send(source, target, max(size, payload * 2 if crowded else 0), step=rng.choice((0, 0, 1, 2))))
    return found


def _bursts(rng: random.Random, topology: Topology, payload: int) -> Item:
    """Messages that come over time, some in the same tick."""
    pause = rng.choice((1, 10**5, 10**8))
    times = [0]
    for _ in range(rng.randint(0, 25)):
        times.append(times[-1] + rng.choice((0, pause, rng.randint(0, 4 * pause))))
    rng.shuffle(times)
    host = range(topology.hosts)
    sizes = (0, 1, payload, payload + 1, 3 * payload - 1)
    return Bursts(tuple((rng.choice(host), rng.choice(host), rng.choice(sizes), time) for time in times))


def _group(rng: random.Random, topology: Topology) -> tuple[int, ...]:
    if rng.random() < 0.5 and topology.hosts <= 9:
        hosts = list(range(topology.hosts))
    else:
        hosts = rng.sample(range(topology.hosts), rng.randint(2, min(topology.hosts, 8)))
    if rng.random() < 0.4:
        rng.shuffle(hosts)
    return tuple(hosts)


def _named(rng: random.Random, topology: Topology, payload: int) -> Item:
    """A call of any algorithm that takes the group, ring where the one drawn does not."""
    # Few groups suit these, so they are tried oftener where one does.
    names = [*ALGORITHMS, *(("2d-ring",) * 4 if topology.family in ("torus", "mesh") else ("hierarchical",))]
    for _ in range(4):
        name, hosts = rng.choice(names), _group(rng, topology)
        if name in WHOLE and topology.hosts <= 16:
            hosts = tuple(range(topology.hosts))
        operation = rng.choice(ALGORITHMS.get(name).collectives)
        pipelined = name == "double-binary-tree" or (name in ("ring", "bidirectional-ring") and operation in ROOTED)
        if pipelined and rng.random() < 0.4:
            name += f":segments={rng.randint(1, 4)}"
        call = Named(name, operation, hosts, 0, root=rng.randrange(len(hosts)) if operation in ROOTED else 0)
        try:
            plan = call.schedule(topology)
        except AlgorithmUnsuitable:
            continue
        return Named(call.algorithm, operation, hosts, _size(rng, plan, payload), root=call.root)
    hosts = _group(rng, topology)
    return Named("ring", "all-reduce", hosts, int(rng.choice(PER_CHUNK) * payload * len(hosts)) + rng.randrange(9))


def _rows(rng: random.Random, topology: Topology, payload: int) -> Item:
    """A schedule without sense: any transfers on any dependencies, some on ways of their own; a few not even in order of
    steps, so that lockstep cannot end.
    """
    hosts = _group(rng, topology)
    ranks, chunks, ordered = len(hosts), rng.randint(1, 5), rng.random() < 0.9
    rows: list[tuple[int, int, int, int, int, int, tuple[int, ...], tuple[int, ...]]] = []
    for t in range(rng.randint(1, 24)):
        src, dst = rng.randrange(ranks), rng.randrange(ranks)
        deps = {rng.randrange(t) for _ in range(rng.choice((0, 0, 1, 3)))} if t else set()
        path = _walk(rng, topology, hosts[src], hosts[dst]) if src != dst and rng.random() < 0.3 else ()
        earliest = max((rows[d][0] for d in deps), default=0) if ordered else 0
        step, count = rng.randint(earliest, max(4, earliest)), rng.randint(1, chunks)
        rows.append((step, src, dst, rng.randrange(chunks), count, rng.randrange(2), tuple(sorted(deps)), path))
    size = int(rng.choice(PER_CHUNK) * payload * chunks) + rng.randrange(3)
    return Rows(hosts, tuple(rng.randint(1, 3) for _ in range(chunks)), tuple(rows), size)


def _walk(rng: random.Random, topology: Topology, source: int, target: int) -> tuple[int, ...]:
    """A way without a node twice that is not the shortest, by chance; () if it loses itself."""
    node, seen, path = source, {source}, []
    while node != target and len(path) < 6:
        ahead = [k for k in topology.out_links[node] if int(topology.target[k]) not in seen]
        ahead = [k for k in ahead if int(topology.target[k]) == target or topology.forwards[topology.target[k]]]
        if not ahead:
            return ()
        near = [k for k in ahead if int(topology.target[k]) == target]
        link = rng.choice(near or ahead)
        path.append(link)
        node = int(topology.target[link])
        seen.add(node)
    return tuple(path) if node == target else ()
