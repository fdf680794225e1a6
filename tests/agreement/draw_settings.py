"""Random settings: every choice of every field of a network, often enough to meet every other one."""

from __future__ import annotations

import random

__all__ = ["SINGLE_PATH", "draw_settings"]

ROUTINGS = {
    "auto": 8,
    "dimension-order": 9,
    "e-cube": 11,
    "up-down": 12,
    "minimal": 9,
    "valiant": 11,
    "ugal": 12,
    "ecmp": 7,
    "widest": 7,
    "spray": 11,
    "least-queued": 11,
    "up-star-down-star": 9,
}
SINGLE_PATH = ("auto", "dimension-order", "e-cube", "up-down", "minimal", "ecmp", "widest", "up-star-down-star")
"""Routings that go with all other settings."""
KNOTTED = {
    "auto": 3,
    "dimension-order": 4,
    "valiant": 2,
    "ecmp": 2,
    "spray": 2,
    "least-queued": 2,
    "ugal": 0.3,
    "minimal": 0.3,
}
"""Routings that close circles where one channel has to do for all classes."""
PER_PACKET = ("spray", "least-queued", "valiant", "ugal")
# None leaves the default.
PACKET = {"packet_payload": (64, 256, 1000, 1024, None, 9216, 65536), "header": (None, None, 1, 16, 64, 300)}
ROUTER = {
    "switching": ("cut-through", "cut-through", "store-and-forward"),
    "router_delay": (None, None, 1, 10**6, 50 * 10**6),
    "buffer": (1, 1, 1, 1, 1, 2, 2, 3, 4, None, None, None),
    "vc_allocation": ("static", "static", "most-room"),
    "arbitration": ("round-robin", "round-robin", "oldest", "lowest-step"),
}
NIC = {
    "nic_scheduler": ("fifo", "lowest-step", "lowest-step", "shortest-first", "round-robin", *("lockstep",) * 3),
    "ports": (None, None, None, 1, 1, 2),
    "message_overhead": (None, None, None, 1, 10**6, 300 * 10**6),
    "injection_latency": (None, None, None, 1, 70 * 10**6),
    "ejection_latency": (None, None, None, 1, 90 * 10**6),
    "reduction_rate": (None, None, 10**9, 30 * 10**9 + 7, 10**12),
    "reduction_units": (None, 1, 1, 2),
    "reduction_quantum": (None, None, 128, 1000),
}


def draw_settings(rng: random.Random, *, knot: bool = False, calm: bool = False) -> dict[str, object]:
    """Return settings by leaf name, None for a default; `buffer` in packets. A `knot` may deadlock; in
    a `calm` one nobody waits for anybody but for links.
    """
    routings = KNOTTED if knot else ROUTINGS
    settings: dict[str, object] = {"routing": rng.choices(list(routings), list(routings.values()))[0]}
    for group in (PACKET, ROUTER, NIC):
        settings |= {key: rng.choice(values) for key, values in group.items()}
    if settings["nic_scheduler"] == "lockstep":
        settings["lockstep_estimate"] = rng.choice(
            ("schedule", "oracle", "multitree-isca21", rng.choice((0, 1, 10**6, 10**9)))
        )
    if settings["message_overhead"] and rng.random() < 0.5:
        settings["overhead_mode"] = "serial"
    flows = ("credit", "none") if settings["routing"] in PER_PACKET else ("credit", "message", "none")
    settings["flow_control"] = rng.choices(flows, (62, 30, 8)[: len(flows)] if len(flows) == 3 else (90, 10))[0]
    settings |= _channels(rng, knot)
    if calm:
        if settings["nic_scheduler"] == "lockstep":
            settings |= {"nic_scheduler": rng.choice(NIC["nic_scheduler"][:5]), "lockstep_estimate": None}
        settings |= {"reduction_units": None, "overhead_mode": None, "ports": rng.choice((None, None, None, 1, 2))}
        if settings["routing"] in PER_PACKET:
            settings["routing"] = rng.choice(("auto", "ecmp", "widest"))
    if knot:
        settings["flow_control"] = "credit" if settings["flow_control"] == "none" else settings["flow_control"]
        settings["buffer"] = rng.choice((1, 1, 2))
    return settings


def _channels(rng: random.Random, knot: bool) -> dict[str, object]:
    if knot:
        return {"virtual_channels": 1, "allow_deadlock": True}
    channels = rng.choice((None, None, None, 1, 2, 3, 4, 5, 7))
    allow = rng.random() < (0.8 if channels in (1, 2, 3) else 0.3)
    return {"virtual_channels": channels, "allow_deadlock": allow or None}
