"""The parts of a transformer on numbers, each with its way back written out: norm, rotary attention, SwiGLU MLP.

Arrays are [S, B, T, ...]: rank, sample, position. No part looks from one rank to another. Complex numbers go through.
"""

import numpy as np

EPSILON, ROPE_BASE = 1e-5, 10_000.0


def norm(x, gain):
    """Return RMSNorm(x) gain and what goes back."""
    scale = ((x * x).mean(axis=-1, keepdims=True) + EPSILON) ** -0.5
    return x * scale * gain, (x * scale, scale, gain)


def norm_back(dy, saved):
    """Return (gradient of x, gradient of the gain on each rank)."""
    unit, scale, gain = saved
    inner = dy * gain
    return scale * (inner - unit * (inner * unit).mean(axis=-1, keepdims=True)), (dy * unit).sum(axis=(1, 2))


def turn(x, sign):
    """Rotate [S, B, head, T, d] by position (RoPE); sign -1 turns back."""
    half = x.shape[-1] // 2
    angle = sign * np.arange(x.shape[-2])[:, None] * ROPE_BASE ** (-np.arange(half) / half)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate(
        [first * np.cos(angle) - second * np.sin(angle), second * np.cos(angle) + first * np.sin(angle)], axis=-1
    )


def softmax(scores):
    """Return the softmax over the last axis."""
    weights = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def heads_of(x, heads):
    """Return [S, B, head, T, d] of [S, B, T, width]."""
    return x.reshape(*x.shape[:3], heads, -1).swapaxes(2, 3)


def joined(x):
    """Return [S, B, T, width] of [S, B, head, T, d]."""
    return x.swapaxes(2, 3).reshape(*x.shape[:2], x.shape[3], -1)


def times(x, weight):
    """Return x weight on each rank: [S, B, T, a] times [S, a, b]."""
    return x @ weight[:, None]


def gradients(x, dy, weight):
    """Return (gradient of x, gradient of the weight) of `times`."""
    return dy @ weight[:, None].swapaxes(-1, -2), np.einsum("sbta,sbto->sao", x, dy)


def attention(x, weights, heads):
    """Return causal attention of each rank's heads, through its rows of the output projection, and what goes back."""
    query, key, value = (heads_of(times(x, weights[name]), heads) for name in ("query", "key", "value"))
    query, key = turn(query, 1), turn(key, 1)
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    share = softmax(np.where(np.tri(x.shape[2], dtype=bool), scores, -np.inf))
    read = joined(share @ value)
    return times(read, weights["output"]), (x, query, key, value, share, read)


def attention_back(dy, weights, saved):
    """Return (gradient of the input, gradients of the weights)."""
    x, query, key, value, share, read = saved
    found = {}
    dread, found["output"] = gradients(read, dy, weights["output"])
    dread = heads_of(dread, query.shape[2])
    dshare = dread @ value.swapaxes(-1, -2)
    dscores = share * (dshare - (dshare * share).sum(axis=-1, keepdims=True)) / np.sqrt(query.shape[-1])
    inner = {
        "query": turn(dscores @ key, -1),
        "key": turn(dscores.swapaxes(-1, -2) @ query, -1),
        "value": share.swapaxes(-1, -2) @ dread,
    }
    dx = np.zeros_like(x)
    for name, value in inner.items():
        part, found[name] = gradients(x, joined(value), weights[name])
        dx = dx + part
    return dx, found


def mlp(x, weights):
    """Return the SwiGLU MLP of each rank's columns through its rows of the down projection, and what goes back."""
    gate, up = times(x, weights["gate"]), times(x, weights["up"])
    open_ = 1 / (1 + np.exp(-gate))
    return times(gate * open_ * up, weights["down"]), (x, gate, up, open_)


def mlp_back(dy, weights, saved):
    """Return (gradient of the input, gradients of the weights)."""
    x, gate, up, open_ = saved
    found = {}
    inner, found["down"] = gradients(gate * open_ * up, dy, weights["down"])
    left, found["gate"] = gradients(x, inner * up * open_ * (1 + gate * (1 - open_)), weights["gate"])
    right, found["up"] = gradients(x, inner * gate * open_, weights["up"])
    return left + right, found
