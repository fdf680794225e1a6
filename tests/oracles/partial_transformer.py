"""A transformer on numbers, split over S ranks that sum the first int(p h) channels of their streams and no others.

Written from the definition of CAAT-Net (arXiv 2506.19645), forward and backward by hand in numpy, so that tests can show the
backward pass to be the exact gradient of the forward pass, and count what both hand to all-reduces. Every array that ranks
hold has the rank as its first axis; ranks meet in `Group` and nowhere else. Real or complex numbers go through, so that a
derivative can be taken along an imaginary step, which has no rounding of its own.

Rank r keeps a residual stream x_r. A block writes y_r = f_r(norm(x_r; g)); x_r gains sum over j of y_j in the first k
channels and sqrt(S) y_r in the others. The loss is the cross entropy of all vocabulary shards together, each from its own
rank's stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from oracles.transformer_parts import attention, attention_back, gradients, mlp, mlp_back, norm, norm_back, times

ATTENTION, MLP = "attention", "mlp"


@dataclass(frozen=True)
class Shape:
    """A small transformer: `heads`, `ffn` and `vocabulary` are those of all ranks together."""

    layers: int = 2
    hidden: int = 16
    heads: int = 4
    ffn: int = 16
    vocabulary: int = 8
    batch: int = 2
    sequence: int = 5

    @property
    def elements(self) -> int:
        """Numbers in a tensor of (sequence, batch, hidden): n of the payload tables."""
        return self.sequence * self.batch * self.hidden


@dataclass(frozen=True)
class Scheme:
    """Which channels are summed, and where.

    `p`: the first int(p h) channels. `megatron`: stock tensor parallelism, which sums every channel (p = 1) and, on the way
    back, the gradient of a block's input. `dropped`: layers without the all-reduce behind attention (Sync-Point Drop); what
    attention wrote is then local to the MLP and joins its all-reduce. `root`: what private channels are multiplied with;
    None is sqrt(S).
    """

    p: float = 0.5
    megatron: bool = False
    dropped: frozenset[int] = frozenset()
    root: float | None = None

    def summed(self, hidden: int) -> int:
        """Return how many channels are summed, truncated."""
        return int(self.p * hidden)


@dataclass(frozen=True)
class Counted:
    """One collective, as every rank calls it: its place, "forward", "backward" or "step", layer, and numbers handed over."""

    place: str
    phase: str
    layer: int | None
    elements: int


@dataclass
class Group:
    """The ranks of a tensor-parallel group: the only way from one to another, and the record of what went over it.

    `counts` are the collectives of the residual streams and of the norms' gradients, in order; `loss` those of the softmax,
    three of one number a token, which every scheme has and no payload table counts. `deaf`: (place, phase) of sums that are
    left out, to see that a test would notice.
    """

    ranks: int
    deaf: frozenset[tuple[str, str]] = frozenset()
    counts: list[Counted] = field(default_factory=list)
    loss: list[Counted] = field(default_factory=list)

    def all_reduce(self, values, place, phase, layer=None):
        """Return [S, ...], the sum over ranks on each of them; `values` [S, ...]."""
        log = self.loss if place == "loss" else self.counts
        log.append(Counted(place, phase, layer, values[0].size))
        if (place, phase) in self.deaf:
            return values
        return np.broadcast_to(values.sum(axis=0), values.shape).copy()

    def maximum(self, values):
        """Return the largest value over ranks; of real parts, which are all that a maximum may depend on here."""
        self.loss.append(Counted("loss", "forward", None, values[0].size))
        return values.real.max(axis=0)


def parameters(shape, ranks, seed):
    """Return {name: array}: rank first for what is split, no rank for gains, which all ranks share."""
    draw = np.random.default_rng(seed)
    hidden, width = shape.hidden, shape.hidden // ranks
    rows, ffn = shape.vocabulary // ranks, shape.ffn // ranks

    def matrix(*size):
        return draw.normal(size=size) / np.sqrt(size[-2])

    found = {"embedding": draw.normal(size=(ranks, rows, hidden))}
    for layer in range(shape.layers):
        found |= {f"{name} {layer}": matrix(ranks, hidden, width) for name in ("query", "key", "value")}
        found[f"output {layer}"] = matrix(ranks, width, hidden)
        found |= {f"{name} {layer}": matrix(ranks, hidden, ffn) for name in ("gate", "up")}
        found[f"down {layer}"] = matrix(ranks, ffn, hidden)
        found |= {f"{place} gain {layer}": 1 + draw.normal(size=hidden) / 4 for place in (ATTENTION, MLP)}
    found["final gain"] = 1 + draw.normal(size=hidden) / 4
    found["head"] = matrix(ranks, hidden, rows)
    return found


def dense(split):
    """Return the parameters of one rank that holds all that the ranks of `split` hold."""
    by_rows = ("embedding", "output", "down")
    whole = {}
    for name, value in split.items():
        if "gain" in name:
            whole[name] = value
        else:
            whole[name] = np.concatenate(value, axis=0 if name.split()[0] in by_rows else 1)[None]
    return whole


class Network:
    """The transformer on one batch: `loss` after `forward`, `backward` for the gradients, `group.counts` for the traffic."""

    def __init__(self, shape, held, scheme, tokens, targets, deaf=()):
        self.shape, self.held, self.scheme = shape, held, scheme
        self.tokens, self.targets = tokens, targets
        self.group = Group(len(held["embedding"]), frozenset(deaf))
        self.saved = {}

    def forward(self):
        """Return the loss: the mean cross entropy of all tokens."""
        stream = self.group.all_reduce(self._embed(), "embedding", "forward")
        for layer in range(self.shape.layers):
            written = self._block(ATTENTION, layer, stream)
            if layer in self.scheme.dropped:
                # The MLP reads what its own rank wrote, and the sum of both is made once, behind it.
                written = written + self._block(MLP, layer, stream + written)
            else:
                stream = stream + self._meet(written, ATTENTION, "forward", layer)
                written = self._block(MLP, layer, stream)
            stream = stream + self._meet(written, MLP, "forward", layer)
        self.saved["stream"] = stream
        normal, self.saved["final"] = norm(stream, self.held["final gain"])
        self.saved["normal"] = normal
        return self._cross_entropy(times(normal, self.held["head"]))

    def backward(self):
        """Return {name: gradient} of all parameters, with the shapes of the parameters."""
        self.found = {}
        stock = self.scheme.megatron
        inner, self.found["head"] = gradients(self.saved["normal"], self.saved["logits"], self.held["head"])
        if stock:
            inner = self.group.all_reduce(inner, "head input", "backward")
        stream, self.found["final gain"] = norm_back(inner, self.saved["final"])
        for layer in reversed(range(self.shape.layers)):
            stream = self._drop_back(layer, stream) if layer in self.scheme.dropped else self._layer_back(layer, stream)
        if not stock:
            stream = self.group.all_reduce(stream, "stack entry", "backward")
        self.found["embedding"] = self._embed_back(stream)
        self._share_gains()
        return self.found

    def _layer_back(self, layer, stream):
        for place in (MLP, ATTENTION):
            # The sum stands where the stream's gradient enters the block from its output side; the skip path has none.
            entering = stream if self.scheme.megatron else self._meet(stream, place, "backward", layer)
            stream = stream + self._block_back(place, layer, entering, summed=self.scheme.megatron)
        return stream

    def _drop_back(self, layer, stream):
        entering = stream if self.scheme.megatron else self._meet(stream, MLP, "backward", layer)
        local = self._block_back(MLP, layer, entering)
        read = local + self._block_back(ATTENTION, layer, entering + local)
        if self.scheme.megatron:
            read = self.group.all_reduce(read, ATTENTION, "backward", layer)
        return stream + read

    def _meet(self, values, place, phase, layer):
        """Return `values` [S, B, T, h] with the first k channels summed over ranks and the others scaled on each."""
        k = self.scheme.summed(self.shape.hidden)
        root = np.sqrt(self.group.ranks) if self.scheme.root is None else self.scheme.root
        summed = self.group.all_reduce(values[..., :k], place, phase, layer)
        return np.concatenate([summed, root * values[..., k:]], axis=-1)

    def _weights(self, place, layer):
        names = ("query", "key", "value", "output") if place == ATTENTION else ("gate", "up", "down")
        return {name: self.held[f"{name} {layer}"] for name in names}

    def _block(self, place, layer, stream):
        inner, normal = norm(stream, self.held[f"{place} gain {layer}"])
        weights = self._weights(place, layer)
        heads = self.shape.heads // self.group.ranks
        written, saved = attention(inner, weights, heads) if place == ATTENTION else mlp(inner, weights)
        self.saved[place, layer] = normal, saved
        return written

    def _block_back(self, place, layer, entering, summed=False):
        normal, saved = self.saved[place, layer]
        back = attention_back if place == ATTENTION else mlp_back
        inner, found = back(entering, self._weights(place, layer), saved)
        self.found |= {f"{name} {layer}": value for name, value in found.items()}
        if summed:
            inner = self.group.all_reduce(inner, place, "backward", layer)
        back_in_stream, self.found[f"{place} gain {layer}"] = norm_back(inner, normal)
        return back_in_stream

    def _embed(self):
        own = self._owned(self.tokens)
        return np.einsum("sbtv,svh->sbth", own, self.held["embedding"])

    def _embed_back(self, stream):
        return np.einsum("sbtv,sbth->svh", self._owned(self.tokens), stream)

    def _owned(self, tokens):
        """Return float64[S, B, T, V/S]: one where a token is the row of a rank."""
        return np.eye(self.shape.vocabulary)[tokens].reshape(*tokens.shape, self.group.ranks, -1).transpose(2, 0, 1, 3)

    def _cross_entropy(self, logits):
        """Return the loss; keeps its gradient by the logits, of which each rank has its shard."""
        top = self.group.maximum(logits.real.max(axis=-1))
        weights = np.exp(logits - top[..., None])
        total = self.group.all_reduce(weights.sum(axis=-1), "loss", "forward")
        own = self._owned(self.targets)
        target = self.group.all_reduce((own * logits).sum(axis=-1), "loss", "forward")
        self.saved["logits"] = (weights / total[..., None] - own) / self.tokens.size
        return (np.log(total[0]) + top - target[0]).mean()

    def _share_gains(self):
        """Sum the gradients of gains, once a step, where ranks have different ones: where they read different streams.

        With stock tensor parallelism those are layers with a dropped all-reduce: the gradients of their streams are summed
        once, behind both norms.
        """
        gains = [name for name in self.held if "gain" in name]
        dropped = {f"{place} gain {layer}" for layer in self.scheme.dropped for place in (ATTENTION, MLP)}
        local = [name for name in gains if name in dropped] if self.scheme.megatron else gains
        if local:
            together = np.concatenate([self.found[name] for name in local], axis=-1)
            together = self.group.all_reduce(together, "norm gradients", "step")
            self.found |= zip(local, np.split(together, len(local), axis=-1), strict=True)
        self.found |= {name: self.found[name][0] for name in gains}


def example(shape, ranks, scheme, seed=0, deaf=()):
    """Return a Network with drawn parameters and tokens."""
    draw = np.random.default_rng([seed, 1])
    tokens, targets = draw.integers(0, shape.vocabulary, (2, shape.batch, shape.sequence))
    return Network(shape, parameters(shape, ranks, seed), scheme, tokens, targets, deaf)


def counts(shape, ranks, scheme):
    """Return the collectives of one forward pass, one backward pass and one optimiser step, in order."""
    network = example(shape, ranks, scheme)
    network.forward()
    network.backward()
    return tuple(network.group.counts)


def slope(network, direction, step=1e-30):
    """Return the derivative of the loss along `direction` {name: array}, by an imaginary step: exact to rounding."""
    moved = {name: value + 1j * step * direction.get(name, 0) for name, value in network.held.items()}
    return Network(network.shape, moved, network.scheme, network.tokens, network.targets).forward().imag / step


def worst_error(network, seed=0):
    """Return (largest relative error, name) of the gradient against derivatives along a random direction a parameter.

    Relative to the product of the norms of gradient and direction, so that a slope that happens to vanish is no error.
    """
    network.forward()
    found, draw, errors = network.backward(), np.random.default_rng(seed), []
    for name, value in network.held.items():
        direction = draw.normal(size=value.shape)
        wanted = slope(network, {name: direction})
        size = np.linalg.norm(found[name]) * np.linalg.norm(direction) / np.sqrt(value.size)
        errors.append((abs((found[name] * direction).sum() - wanted) / max(size, abs(wanted)), name))
    return max(errors)
