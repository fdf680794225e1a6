"""Which ranks of a training job work together: groups for tensor, pipeline and data parallelism, and the boxes they lie in.

A job of tp x pp x dp ranks is a grid. Ranks that differ in one coordinate alone are a group of that kind: tensor-parallel
ranks share every block, pipeline-parallel ranks hold successive blocks, data-parallel ranks hold the same parameters. The
kind named first in the order has neighbouring ranks, so it is the one that stays inside a box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from collsim.errors import InvalidValue, UnknownName
from collsim.topology.graph import Level, Topology
from collsim.workloads.transformers.shape import TransformerShape

__all__ = ["KINDS", "Layout", "RankGroups", "boxes", "rank_groups"]

Groups = tuple[tuple[int, ...], ...]

KINDS = {"tp": "tensor-parallel", "pp": "pipeline-parallel", "dp": "data-parallel"}
"""Kinds of group by their short names."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Degrees of tensor, pipeline and data parallelism, and the order in which ranks are counted, the fastest kind first."""

    tp: int = 1
    pp: int = 1
    dp: int = 1
    order: str = "tp,pp,dp"

    def __post_init__(self) -> None:
        for kind, name in KINDS.items():
            if self.degree(kind) < 1:
                raise InvalidValue(f"A {name} degree of {self.degree(kind)} does not exist; give at least 1.")
        if sorted(self.kinds) != sorted(KINDS):
            raise InvalidValue(
                f"The order of ranks '{self.order}' does not name each of {', '.join(KINDS)} once; write it like tp,pp,dp."
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds in the order of counting, the fastest first."""
        return tuple(word.strip() for word in self.order.split(","))

    @property
    def ranks(self) -> int:
        """Ranks of the job."""
        return self.tp * self.pp * self.dp

    def degree(self, kind: str) -> int:
        """Return the ranks of a group of `kind`; UnknownName for another kind."""
        if kind not in KINDS:
            raise UnknownName("kind of parallelism", kind, KINDS)
        return {"tp": self.tp, "pp": self.pp, "dp": self.dp}[kind]

    def stride(self, kind: str) -> int:
        """Return by how much neighbours in a group of `kind` differ in rank."""
        return prod(self.degree(faster) for faster in self.kinds[: self.kinds.index(kind)])

    def place(self, rank: int) -> dict[str, int]:
        """Return the coordinate of `rank` in each kind."""
        return {kind: rank // self.stride(kind) % self.degree(kind) for kind in KINDS}

    def groups(self, kind: str) -> Groups:
        """Return the groups of `kind`, each the ranks in the order of their coordinate, sorted by first rank."""
        degree, stride = self.degree(kind), self.stride(kind)
        first = [rank for rank in range(self.ranks) if rank // stride % degree == 0]
        return tuple(tuple(rank + k * stride for k in range(degree)) for rank in first)

    def check_model(self, shape: TransformerShape) -> None:
        """Raise InvalidValue if `shape` cannot be cut so: its heads by tp, its layers by pp."""
        shape.check_shards(self.tp)
        if shape.layers % self.pp:
            raise InvalidValue(
                f"A pipeline of {self.pp} stages does not divide the {shape.layers} layers of {shape.name}; "
                f"take a divisor of {shape.layers}."
            )


def boxes(topology: Topology, level: str = "") -> Level:
    """Return the sets of hosts that count as boxes, without switches.

    `level`: a level of the topology by name. By default the one called "box", else the finest that holds every host and
    puts some together; where there is none, all hosts if they hang on one switch or are all linked to each other, else
    every host by itself. Raises UnknownName for a level that the topology does not have.
    """
    known = {entry.name: _hosts_of(entry, topology) for entry in topology.levels}
    if level:
        if level not in known:
            raise UnknownName(f"level of {topology.name}", level, known)
        return known[level]
    whole = [entry for entry in known.values() if _joins_all(entry, topology)]
    if whole:
        return next((entry for entry in whole if entry.name == "box"), whole[0])
    everyone = tuple(range(topology.hosts))
    if _all_neighbours(topology):
        return Level("box", (everyone,))
    return Level("box", tuple((host,) for host in everyone))


def _hosts_of(level: Level, topology: Topology) -> Level:
    sets = (tuple(sorted(node for node in nodes if node < topology.hosts)) for nodes in level.sets)
    return Level(level.name, tuple(hosts for hosts in sets if hosts))


def _joins_all(level: Level, topology: Topology) -> bool:
    return sum(map(len, level.sets)) == topology.hosts and max(map(len, level.sets), default=0) > 1


def _all_neighbours(topology: Topology) -> bool:
    """Tell whether all hosts hang on one switch, or each is linked to every other."""
    reached = [{int(topology.target[link]) for link in topology.out_links[host]} for host in range(topology.hosts)]
    everyone = set(range(topology.hosts))
    one_switch = any(node >= topology.hosts for node in set.intersection(*reached))
    return one_switch or all(reached[host] >= everyone - {host} for host in everyone)


@dataclass(frozen=True, slots=True)
class RankGroups:
    """A job laid out on a machine: `hosts` of the ranks, `boxes` of the machine, and `box_of` each rank (-1: in none)."""

    layout: Layout
    topology: Topology
    hosts: tuple[int, ...]
    boxes: Level
    box_of: tuple[int, ...]

    def groups(self, kind: str) -> Groups:
        """Return the groups of `kind` in ranks."""
        return self.layout.groups(kind)

    def host_groups(self, kind: str) -> Groups:
        """Return the groups of `kind` in host nodes, in the order of their ranks."""
        return tuple(tuple(self.hosts[rank] for rank in group) for group in self.groups(kind))

    def spans(self, kind: str) -> tuple[int, ...]:
        """Return for each group of `kind` the number of boxes it lies in; a host in no box counts as one of its own."""
        return tuple(
            len({self.box_of[rank] if self.box_of[rank] >= 0 else ("alone", rank) for rank in group})
            for group in self.groups(kind)
        )

    def inside(self, kind: str) -> int:
        """Return how many groups of `kind` lie inside one box."""
        return sum(span == 1 for span in self.spans(kind))

    def rows(self) -> list[tuple[str, str]]:
        """Return (label, text) rows for a report: the layout, the groups of each kind that has some, the boxes."""
        layout = self.layout
        degrees = " x ".join(f"{kind} {layout.degree(kind)}" for kind in layout.kinds)
        idle = self.topology.hosts - layout.ranks
        rest = f"; {idle} hosts stay idle" if idle else ""
        rows = [("Layout", f"{degrees}, {layout.kinds[0]} counted fastest: {layout.ranks} ranks{rest}")]
        labels = {"tp": "Tensor", "pp": "Pipeline", "dp": "Data"}
        rows += [(labels[kind], self._sentence(kind)) for kind in KINDS if layout.degree(kind) > 1]
        return [*rows, ("Ranks a " + self.boxes.name, self._members())]

    def _sentence(self, kind: str) -> str:
        groups, inside, spans = self.groups(kind), self.inside(kind), self.spans(kind)
        word = self.boxes.name
        what = f"{len(groups)} {KINDS[kind]} group{'s' * (len(groups) > 1)} of {self.layout.degree(kind)}"
        if inside == len(groups):
            return f"{what}, {'all ' * (len(groups) > 1)}inside a {word}"
        across = sorted({span for span in spans if span > 1})
        over = f"{across[0]}" if len(across) == 1 else f"{across[0]} to {across[-1]}"
        if inside:
            return f"{what}, {inside} inside a {word}, the others across {over} {_plural(word)}"
        return f"{what}, {'each ' * (len(groups) > 1)}across {over} {_plural(word)}"

    def _members(self) -> str:
        """Say which ranks share a box, the first boxes of many."""
        members: dict[int, list[int]] = {}
        for rank, box in enumerate(self.box_of):
            members.setdefault(box, []).append(rank)
        alone = members.pop(-1, [])
        if members and max(map(len, members.values())) == 1:
            return f"1 in each of {len(members)}"
        texts = [_ranges(ranks) for ranks in members.values()]
        shown = "; ".join(texts[:8]) + (f"; and {len(texts) - 8} more {_plural(self.boxes.name)}" if len(texts) > 8 else "")
        return "; ".join(filter(None, (shown, f"in none: {_ranges(alone)}" if alone else "")))


def rank_groups(
    topology: Topology,
    layout: Layout,
    hosts: Sequence[int] | None = None,
    *,
    shape: TransformerShape | None = None,
    level: str = "",
) -> RankGroups:
    """Return the groups of a job laid out on `hosts` (host of each rank, default the machine's in order, the first).

    `shape` is checked to divide so; `level` names what counts as a box (see `boxes`). Raises InvalidValue for a job larger
    than the machine or the hosts given, and for hosts that are repeated or do not exist.
    """
    given = list(range(topology.hosts)) if hosts is None else [int(host) for host in hosts]
    if len(set(given)) != len(given) or any(not 0 <= host < topology.hosts for host in given):
        raise InvalidValue(f"The hosts of a job are distinct numbers between 0 and {topology.hosts - 1} of {topology.name}.")
    if layout.ranks > len(given):
        where = topology.name if hosts is None else f"the hosts given of {topology.name}"
        raise InvalidValue(
            f"tp {layout.tp} x pp {layout.pp} x dp {layout.dp} takes {layout.ranks} ranks, a group larger than the machine: "
            f"{where} has {len(given)}; lower a degree."
        )
    if shape is not None:
        layout.check_model(shape)
    chosen = tuple(given[: layout.ranks])
    found = boxes(topology, level)
    box = {host: number for number, members in enumerate(found.sets) for host in members}
    return RankGroups(layout, topology, chosen, found, tuple(box.get(host, -1) for host in chosen))


def _plural(word: str) -> str:
    if word.endswith("f"):
        return f"{word[:-1]}ves"
    return f"{word}es" if word.endswith(("x", "s", "ch")) else f"{word}s"


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as ranges: "0-7, 16, 18-19"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
