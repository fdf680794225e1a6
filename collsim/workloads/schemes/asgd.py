"""Asynchronous SGD with parameter servers: every rank sends its gradients and fetches the weights, and waits for no other.

Each server holds an equal part of the weights. It applies an update for every part that arrives, those of different ranks
side by side, and sends the part back. What bounds it is the link of the server: all gradients and weights pass there.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collsim.errors import InvalidValue
from collsim.program import Compute, Send
from collsim.workloads.data_parallel import SCHEMES, Exchange, Prediction, Scheme, Work, Writer, Written

__all__ = ["server_shares"]


def server_shares(size: int, servers: int) -> list[int]:
    """Return the bytes that each of `servers` holds of `size`."""
    return [size * (k + 1) // servers - size * k // servers for k in range(servers)]


def _write(work: Work) -> Written:
    if not work.servers:
        raise InvalidValue("Asynchronous SGD needs a parameter server; name the host of at least one.")
    writer = Writer.of(work)
    shares = server_shares(work.size, len(work.servers))
    update = -(-work.update // len(shares))
    for iteration in range(work.iterations):
        writer.pieces(iteration, [])
        fetched, calls = [], []
        for host, wait in zip(work.hosts, writer.whole, strict=True):
            parts = []
            for server, size in zip(work.servers, shares, strict=True):
                push = writer.add(Send(host, server, size, wait, f"gradients {iteration}", step=iteration % 2**31))
                applied = writer.add(Compute(server, update, (push,), f"update {iteration}"))
                parts.append(writer.add(Send(server, host, size, (applied,), f"weights {iteration}")))
                calls += [push, parts[-1]]
            fetched.append(tuple(parts))
        writer.ready = fetched
        writer.ended.append(list(fetched))
        ends = np.array([parts[-1] for parts in fetched])
        writer.exchanges.append(Exchange(iteration, np.array(writer.computed[-1]), tuple(calls), ends))
    return writer.written(update=0)


def _law(work: Work, times: Sequence[int]) -> Fraction:
    """Return the longer of two: a rank that meets nobody, or the link of the server full in its busier direction."""
    return Fraction(max(work.typical + times[0], times[1]))


def _predict(work: Work, times: Sequence[int]) -> Prediction | None:
    return None


SCHEMES.add(
    "asgd",
    Scheme(
        name="asgd",
        about="asynchronous SGD: every rank exchanges gradients for weights with the parameter servers by itself",
        source="Dean et al., NIPS 2012; Zheng et al., DC-ASGD, arXiv 1609.08326",
        law_text="max(T_c + T_u + 2 P / BW, N P / BW), P / BW at the server one way",
        write=_write,
        law=_law,
        predict=_predict,
        asynchronous=True,
    ),
)
