"""One all-reduce on the compiled engine as a row: its full configuration, its time, and where the time went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
from schemes import Scheme, preset_of

from collsim.network.config import NetworkConfig
from collsim.result import CRITICAL_PARTS
from collsim.simulate import Case, prepare

KEY = ("network", "scheme", "variant", "size_bytes", "algorithm", "preset", "settings")
# Nothing is computed and nothing lost in these runs.
PARTS = tuple(part for part in CRITICAL_PARTS if part not in ("compute", "loss_wait"))
VALUES = (
    "time_fs",
    "gb_per_s",
    "gib_per_s",
    "bound_gb_per_s",
    "steps",
    "transfers",
    "packet_hops",
    "train_fraction",
    *(f"{part}_ns" for part in PARTS),
    "skipped",
)
MOST_HOPS = 450_000_000
"""Packet-hops that a run may take packet by packet, five minutes; messages of one link need one event each."""


def case_of(
    topology: str,
    scheme: Scheme,
    size: int,
    variant: str = "",
    algorithm: str | None = None,
    settings: Iterable[tuple[str, str]] = (),
) -> dict[str, str]:
    """Return the key columns of a run; `settings` go on top of the scheme's own."""
    merged = {**dict(scheme.settings_on(topology)), **dict(settings)}
    return {
        "network": topology,
        "scheme": scheme.name,
        "variant": variant,
        "size_bytes": str(size),
        "algorithm": algorithm or scheme.algorithm,
        "preset": preset_of(topology),
        "settings": " ".join(f"{k}={v}" for k, v in sorted(merged.items())),
    }


def machine(topology: str, preset: str, settings: str) -> Case:
    """Return the machine with its network; cases of one topology share schedules and their proofs."""
    pairs = dict(pair.split("=", 1) for pair in settings.split())
    network = NetworkConfig.preset(preset).with_settings(pairs)
    return replace(_prepared(topology), network=network)


@cache
def _prepared(topology: str) -> Case:
    return prepare(topology, engine="compiled")


def run(case: dict[str, str]) -> dict[str, object]:
    """Return the row of `case`; a run that would take too long is a row with its reason."""
    setup, size = machine(case["network"], case["preset"], case["settings"]), int(case["size_bytes"])
    hops = setup.packet_hops(case["algorithm"], size)
    if hops > MOST_HOPS and not _one_link_each(setup, case["algorithm"], size, hops):
        return {**case, "packet_hops": hops, "skipped": f"more than {MOST_HOPS:,} packet-hops"}
    outcome = setup.run(case["algorithm"], size)
    parts = outcome.result.critical_path or {}
    bound = outcome.bound.time
    return {
        **case,
        "time_fs": outcome.result.time,
        "gb_per_s": f"{outcome.algbw / 1e9:.5g}",
        "gib_per_s": f"{outcome.algbw / 2**30:.5g}",
        "bound_gb_per_s": f"{size * 1e6 / float(bound):.5g}" if bound else "",
        "steps": outcome.schedule.steps,
        "transfers": outcome.schedule.transfers,
        "packet_hops": outcome.result.packet_hops,
        "train_fraction": f"{outcome.result.train_fraction:.4g}",
        **{f"{part}_ns": f"{fs / 1e6:.10g}" for part, fs in parts.items() if part in PARTS},
        "skipped": "",
    }


def _one_link_each(setup: Case, algorithm: str, size: int, hops: int) -> bool:
    """Whether every message crosses one link and none is split by its interface, so that it is one event."""
    plan = setup.plan(algorithm, size)[0]
    packets = int(np.sum(-(-plan.message_bytes(size) // setup.network.packet.packet_payload)))
    nic = setup.network.nic
    whole = nic.nic_scheduler != "round-robin" and nic.ports in (0, 4)
    return hops == packets and whole
