"""Random transports laid over a case: packets that get lost, both recoveries, delivery in order, feedback about paths."""

from __future__ import annotations

import random
from dataclasses import replace

from agreement.cases import Case

__all__ = ["MOST_LOSSY_HOPS", "draw_transport", "is_lossy"]

MOST_LOSSY_HOPS = 250
"""Packet-hops of a case that loses packets, repeats aside."""
SETTINGS = {
    "recovery": (None, "go-back-n"),
    "delivery": (None, "in-order"),
    "retransmit_timeout": (None, None, None, 0, 1, 10**6, 3 * 10**9),
}
LOSS = (None, None, None, "1e-3", "0.05", "0.2", "0.5")
SHARES = (0, 0, 10**7, 10**8, 3 * 10**8)


def draw_transport(rng: random.Random, case: Case, kind: str) -> Case:
    """Return the case with settings of its own for transports, in many cases of most kinds."""
    if rng.random() > (0.15 if kind in ("knot", "trouble") else 0.45):
        return case
    chosen = {key: rng.choice(values) for key, values in SETTINGS.items()}
    settings = case.settings | {key: value for key, value in chosen.items() if value is not None}
    machine, by_message = case.machine, settings.get("flow_control") == "message"
    if not by_message and rng.random() < 0.35:
        settings["routing"] = "feedback"
    loss = rng.choice(LOSS)
    if loss is not None and not by_message:
        settings["loss"] = loss
    if rng.random() < (0.02 if by_message else 0.2):
        machine = replace(machine, loss=tuple(rng.choice(SHARES) for _ in range(machine.topology.links)))
    return replace(case, settings=settings, machine=machine)


def is_lossy(case: Case) -> bool:
    """Whether links of a case may lose packets."""
    return bool(case.settings.get("loss")) or any(case.machine.loss)
