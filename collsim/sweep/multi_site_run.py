"""Runs of parts of a training step across sites: a program on the machine of a setting, from a time in the step on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from collsim.engines.engine import ENGINES
from collsim.network.link_changes import LinkChange
from collsim.program import Program
from collsim.result import Result
from collsim.sweep.multi_site_way import Setting
from collsim.workloads.multi_site import with_wide_area

__all__ = ["Part", "changes_from", "free_of_wide_area", "run", "simulated"]

PACKETS = 64
"""Packets of a message where nobody sets packet_payload: gradients of trillions of parameters are billions of packets."""
ALL_BUT_ENDLESS = 10**18


@dataclass(frozen=True, slots=True)
class Part:
    """`time` and `law` of one simulated program, fs, and `near`, its time if the wide area took none; `sent` bytes of the
    busiest site; `packet` bytes; `wall` seconds."""

    time: int
    law: int
    near: int
    sent: int
    packet: int
    wall: float


def simulated(at: Setting, program: Program, message: int, law: int, *, since: int = 0, spans: bool = True) -> Part:
    """Run `program`, whose largest message is `message` bytes, from `since` fs after the start of the step on.

    `spans`: it sends between sites, so that it is run on a machine without the wide area as well.
    """
    packet = at.network.packet.packet_payload
    if "packet_payload" not in at.network.changed():
        packet = max(packet, -(-message // PACKETS))
    result, wall = run(at, program, packet, since)
    near = result.time
    if spans:
        other, more = run(free_of_wide_area(at), program, packet, since)
        near, wall = other.time, wall + more
    sent = max(int(result.link_bytes[np.array(site.links)].sum()) for site in at.wide)
    return Part(result.time, law, near, sent, packet, wall)


def run(at: Setting, program: Program, packet: int, since: int = 0) -> tuple[Result, float]:
    """Return the result of `program` in packets of `packet` bytes, from `since` fs of the step on, and wall seconds."""
    network = at.network.with_settings({"packet_payload": packet})
    changes = changes_from(at.changes, since)
    more = {"changes": changes} if changes else {}
    started = perf_counter()
    result = ENGINES.get(at.engine)(at.topology, program, network, seed=at.seed, **more)
    return result, perf_counter() - started


def changes_from(changes: tuple[LinkChange, ...], since: int) -> tuple[LinkChange, ...]:
    """Return `changes` as a run sees them that begins `since` fs later: what each link has become by then, at its start."""
    begun: dict[int, LinkChange] = {}
    coming = []
    for change in sorted(changes):
        if change.time <= since:
            begun[change.link] = replace(change, time=0)
        else:
            coming.append(replace(change, time=change.time - since))
    return tuple(sorted([*begun.values(), *coming]))


def free_of_wide_area(at: Setting) -> Setting:
    """Return the setting with links between sites that take no time and lose nothing."""
    wide = {link for site in at.wide for link in site.links}
    kept = tuple(change for change in at.changes if change.link not in wide)
    return replace(at, topology=with_wide_area(at.topology, ALL_BUT_ENDLESS, 0, 0), changes=kept)
