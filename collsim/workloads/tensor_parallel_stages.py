"""The order in which a rank computes, copies and communicates: one micro-batch, one forward pass, one optimiser step.

Stages are symbolic: which part of the model, which bytes, which collective. Computing and copying of a rank take turns in
the order of the stages, and so do its collectives; `after` says what else a stage waits for. With blocking collectives all
stages form one chain. Under Ladder-Residual a block waits for the all-reduce before the last; the last runs beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from collsim.workloads.tensor_parallel import (
    Exchange,
    Scheme,
    backward_exchange,
    forward_exchange,
    norm_exchange,
    on_the_wire,
    single_exchange,
)
from collsim.workloads.transformers.shape import TransformerShape

__all__ = [
    "Copy",
    "Part",
    "Stage",
    "Sync",
    "exchanges",
    "forward_stages",
    "in_a_row",
    "repeated",
    "step_stages",
    "training_stages",
]


@dataclass(frozen=True, slots=True)
class Part:
    """Computing of the part `place` ("embedding", "attention", "mlp", "head" or "optimiser") of one layer in one pass."""

    place: str
    phase: str
    layer: int | None = None
    after: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """The part in words: "attention 3 forward"."""
        return " ".join(str(word) for word in (self.place, self.layer, self.phase) if word is not None)


@dataclass(frozen=True, slots=True)
class Copy:
    """`size` bytes that a rank's memory moves to take a tensor apart ("pack") or to join it ("join")."""

    size: int
    label: str
    after: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sync:
    """A collective of the group."""

    exchange: Exchange
    after: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """The collective and its place in words."""
        return self.exchange.label


Stage = Part | Copy | Sync
Block = tuple[str, int]


def exchanges(stages: Sequence[Stage]) -> tuple[Exchange, ...]:
    """Return the collectives of `stages`, in order."""
    return tuple(stage.exchange for stage in stages if isinstance(stage, Sync))


def training_stages(shape: TransformerShape, tokens: int, scheme: Scheme) -> tuple[Stage, ...]:
    """Return one micro-batch of `tokens` tokens: the forward pass, then back to the embedding."""
    writer = _Writer(scheme, list(forward_stages(shape, tokens, scheme)))
    writer.worked = len(writer.stages) - 1
    writer.work("head", "backward")
    blocks = _blocks(shape)[::-1]
    found = [backward_exchange(shape, tokens, scheme, *block) for block in blocks]
    if scheme.name == "megatron":
        writer.land(writer.sync(single_exchange(shape, tokens, "head input", "backward")))
        writer.behind(blocks, "backward", found)
    else:
        writer.ahead(blocks, "backward", found)
        writer.land(writer.sync(single_exchange(shape, tokens, "stack entry", "backward")))
    writer.work("embedding", "backward")
    return tuple(writer.stages)


def forward_stages(shape: TransformerShape, tokens: int, scheme: Scheme) -> tuple[Stage, ...]:
    """Return a forward pass over `tokens` tokens, from the embedding to the logits of each rank's part of the vocabulary."""
    writer = _Writer(scheme)
    writer.work("embedding", "forward")
    writer.land(writer.sync(single_exchange(shape, tokens, "embedding", "forward")))
    blocks = _blocks(shape)
    writer.behind(blocks, "forward", [forward_exchange(shape, tokens, scheme, *block) for block in blocks])
    writer.work("head", "forward")
    return tuple(writer.stages)


def step_stages(shape: TransformerShape, scheme: Scheme) -> tuple[Stage, ...]:
    """Return what an optimiser step does beside its micro-batches."""
    writer = _Writer(scheme)
    writer.land(writer.sync(norm_exchange(shape, scheme)))
    writer.work("optimiser", "step")
    return tuple(writer.stages)


def repeated(stages: Sequence[Stage], times: int) -> tuple[Stage, ...]:
    """Return `stages` run `times` times, each behind the computing that ends the one before."""
    return in_a_row([stages] * times)


def in_a_row(parts: Sequence[Sequence[Stage]]) -> tuple[Stage, ...]:
    """Return the stages of `parts`, each part behind the computing that ends the one before."""
    found: list[Stage] = []
    for stages in parts:
        begin = len(found)
        for stage in stages:
            after = tuple(begin + k for k in stage.after) or ((begin - 1,) if begin else ())
            found.append(replace(stage, after=after))
    return tuple(found)


def _blocks(shape: TransformerShape) -> list[Block]:
    return [(place, layer) for layer in range(shape.layers) for place in ("attention", "mlp")]


@dataclass(frozen=True, slots=True)
class _Flight:
    """A collective under way: its stage, and what is to be joined when it has landed."""

    stage: int
    joined: int
    label: str


@dataclass(slots=True)
class _Writer:
    """Writes stages. `worked`: the last computing; `sent`: the last collective; `landed`: what computing waits for next."""

    scheme: Scheme
    stages: list[Stage] = field(default_factory=list)
    worked: int | None = None
    sent: int | None = None
    landed: list[int] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many blocks on a collective has to be there: the next one, or the one after it."""
        return 2 if self.scheme.ladder else 1

    def work(self, place: str, phase: str, layer: int | None = None) -> None:
        """Compute."""
        self._compute(Part(place, phase, layer, self._waits()))

    def sync(self, exchange: Exchange | None) -> _Flight | None:
        """Pack and send behind what is computed and sent; None stays None."""
        if exchange is None:
            return None
        if exchange.packed:
            self._compute(Copy(exchange.packed, f"pack {exchange.label}", self._waits()))
        for part in on_the_wire(exchange, self.scheme):
            self.stages.append(Sync(part, tuple(k for k in (self.worked, self.sent) if k is not None)))
            self.sent = len(self.stages) - 1
        return _Flight(len(self.stages) - 1, exchange.joined, f"join {exchange.label}")

    def land(self, flight: _Flight | None) -> None:
        """Let the next computing wait for a collective, and join."""
        if flight is None:
            return
        self.landed.append(flight.stage)
        if flight.joined:
            self._compute(Copy(flight.joined, flight.label, self._waits()))

    def behind(self, blocks: Sequence[Block], phase: str, found: Sequence[Exchange | None]) -> None:
        """Write blocks, each with its collective behind it."""
        flights: list[_Flight | None] = []
        for (place, layer), exchange in zip(blocks, found, strict=True):
            if len(flights) == self.depth:
                self.land(flights.pop(0))
            self.work(place, phase, layer)
            flights.append(self.sync(exchange))
        for flight in flights:
            self.land(flight)

    def ahead(self, blocks: Sequence[Block], phase: str, found: Sequence[Exchange | None]) -> None:
        """Write blocks, each with its collective ahead of it, sent as soon as what it sums is there."""
        flights = [self.sync(exchange) for exchange in found[: self.depth]]
        for k, (place, layer) in enumerate(blocks):
            self.land(flights[k])
            self.work(place, phase, layer)
            flights += [self.sync(exchange) for exchange in found[k + self.depth : k + self.depth + 1]]

    def _compute(self, stage: Part | Copy) -> None:
        self.stages.append(stage)
        self.worked = len(self.stages) - 1

    def _waits(self) -> tuple[int, ...]:
        before = [] if self.worked is None else [self.worked]
        waits, self.landed = (*before, *self.landed), []
        return waits
