"""What transports are compared under: the machine as it is, with a bad cable, with losses; and the ideal fabric beside it.

The ideal has all switches that are linked merged into one: every host link has its own rate and latency, and nothing
between them is shared, late or lossy. Whatever a run takes longer than that is what the fabric and the transport cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from collsim.errors import InvalidValue
from collsim.network.link_changes import LinkChange, parse_changes
from collsim.topology.faults import degrade_links, find_links
from collsim.topology.graph import Topology, build
from collsim.units import format_loss, parse_loss, parse_time

__all__ = ["Condition", "conditions", "one_switch"]

AS_IT_IS = "as it is"
SHARE = 0.25
"""What is left of the rate of the cable that is slowed down unless another is named."""


@dataclass(frozen=True, eq=False)
class Condition:
    """A state of the machine: its `topology` with or without a bad cable, packets lost of a billion on every link, and
    `changes` of links during the run, of which nobody in the network is told.
    """

    name: str
    topology: Topology
    loss: int = 0
    changes: tuple[LinkChange, ...] = ()


def one_switch(topology: Topology) -> Topology:
    """Return the ideal of `topology`: its hosts with their links, and one switch for all that links between switches join.

    A composed machine keeps the switch of each rack, to which no other switch is linked, beside one for its fabric. Raises
    InvalidValue where hosts pass on traffic or there is no switch: there the links of hosts are the network.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    hosts, switches = topology.hosts, topology.switches
    if not switches or bool(topology.forwards[:hosts].any()):
        raise InvalidValue(
            f"On '{topology.name}' hosts are joined without a fabric of switches, so there is no ideal one to compare with; "
            "take a machine such as fattree4 or leafspine4x4x4."
        )
    inner = np.flatnonzero((topology.source >= hosts) & (topology.target >= hosts))
    ends = (topology.source[inner] - hosts, topology.target[inner] - hosts)
    count, part = connected_components(coo_array((np.ones(len(inner)), ends), (switches, switches)), directed=False)
    node = np.concatenate([np.arange(hosts), hosts + part])
    outer = np.flatnonzero((topology.source < hosts) | (topology.target < hosts))
    columns = node[topology.source[outer]], node[topology.target[outer]], topology.bandwidth[outer], topology.latency[outer]
    return build(f"{topology.name} with one switch", hosts, np.stack(columns, axis=1), switches=int(count))


def conditions(topology: Topology, impair: str | None = None, losses: Sequence[str | float] = ()) -> list[Condition]:
    """Return the machine as it is, with a slow or failing cable, and with each loss rate on all links.

    `impair`: "LINK=SHARE" of its rate, "LINK=loss:P" for a cable that loses a share of its packets, "TIME:LINK=WHAT" for one
    that changes during the run as `parse_changes` has it, none of which but the first routing knows of; "LINK=drop" is the
    last from the start on; "none"; None for the first cable between switches at a quarter. Raises UsageError.
    """
    found = [Condition(AS_IT_IS, topology)]
    if impair != "none":
        name, _, share = (impair or "").rpartition("=")
        if impair is None:
            name, share = _first_cable(topology), str(SHARE)
        elif not name:
            raise InvalidValue(
                f"Cannot read '{impair}'; write LINK=SHARE, like leaf0-spine0=0.25 or leaf0-spine0=loss:0.9, or none."
            )
        changing = impair if impair and _begins_with_time(impair) else f"0s:{impair}" if share == "drop" else None
        if changing is not None:
            words = changing if changing == impair else f"{name} drops everything"
            found.append(Condition(words, topology, changes=parse_changes(topology, [changing])))
        elif share.startswith("loss:"):
            found.append(_failing(topology, name, share.removeprefix("loss:")))
        elif name:
            found.append(Condition(f"{name} at {share}", degrade_links(topology, {name: share})))
    for loss in losses:
        parts = parse_loss(loss)
        found.append(Condition(f"loss {format_loss(parts)}", topology, parts))
    return found


def _begins_with_time(impair: str) -> bool:
    """Tell whether a text is "TIME:LINK=WHAT"; a node may itself have a colon in its name."""
    when, colon, _ = impair.partition(":")
    try:
        return bool(colon) and "=" not in when and parse_time(when.strip()) >= 0
    except InvalidValue:
        return False


def _failing(topology: Topology, name: str, share: str) -> Condition:
    """Return the machine with one cable that loses `share` of its packets."""
    lost, parts = topology.loss.copy(), parse_loss(share)
    lost[list(find_links(topology, name))] = parts
    return Condition(f"{name} loses {format_loss(parts)}", replace(topology, loss=lost))


def _first_cable(topology: Topology) -> str:
    """Return the first cable between two switches by name, "" where there is none."""
    inner = np.flatnonzero((topology.source >= topology.hosts) & (topology.target >= topology.hosts))
    return topology.link_name(int(inner[0])).replace("->", "-") if len(inner) else ""
