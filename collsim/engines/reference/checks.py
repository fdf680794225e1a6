"""What is refused before a run (rule 3): hosts and paths that do not exist, cyclic dependencies, buffers too small."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from collsim.collectives.schedule import Schedule
from collsim.engines.reference.link import UNBOUNDED, Link, buffer_bytes
from collsim.engines.reference.message import Cut, Message
from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.program import Arrivals, Call, Compute, Program, Send
from collsim.topology.graph import Topology
from collsim.units import format_size

__all__ = ["check_buffers", "check_paths", "check_program"]


def check_program(program: Program, topology: Topology) -> None:
    """Raise InvalidValue for a host that does not exist or a cycle among the dependencies of a schedule."""
    checked: set[int] = set()
    for index, operation in enumerate(program.operations):
        if isinstance(operation, Call):
            hosts: Iterable[int] = operation.schedule.ranks_to_hosts.tolist()
            if id(operation.schedule) not in checked:
                checked.add(id(operation.schedule))
                _check_acyclic(operation.schedule)
        elif isinstance(operation, Send):
            hosts = (operation.source, operation.target)
        elif isinstance(operation, Arrivals):
            hosts = np.unique(np.concatenate([operation.source, operation.target])).tolist()
        else:
            assert isinstance(operation, Compute)
            hosts = (operation.host,)
        for host in hosts:
            if not 0 <= host < topology.hosts:
                raise InvalidValue(
                    f"Operation {index} names host {host}, but {topology.name} has hosts 0..{topology.hosts - 1}."
                )


def _check_acyclic(schedule: Schedule) -> None:
    """Follow transfers in an order in which their dependencies come first; whatever cannot be reached is on a cycle."""
    offsets, members = schedule.set_offsets.tolist(), schedule.set_members.tolist()
    left = [end - begin for begin, end in pairwise(offsets)]
    sets_with: dict[int, list[int]] = {}
    for number in range(len(left)):
        for member in members[offsets[number] : offsets[number + 1]]:
            sets_with.setdefault(member, []).append(number)
    waiting: dict[int, list[int]] = {}
    for transfer, number in enumerate(schedule.dep_set.tolist()):
        waiting.setdefault(number, []).append(transfer)
    free = [transfer for number, count in enumerate(left) if count == 0 for transfer in waiting.pop(number, ())]
    while free:
        for number in sets_with.get(free.pop(), ()):
            left[number] -= 1
            if left[number] == 0:
                free.extend(waiting.pop(number, ()))
    if waiting:
        stuck = min(transfer for transfers in waiting.values() for transfer in transfers)
        raise InvalidValue(
            f"The dependencies of {schedule.algorithm} form a cycle: transfer {stuck} waits, in the end, for itself; "
            "let dependencies point to earlier steps."
        )


def check_paths(messages: Sequence[Message], topology: Topology) -> None:
    """Raise InvalidValue unless each explicit path joins its message's hosts over existing links, none of them twice."""
    source, target = topology.source.tolist(), topology.target.tolist()
    for message in messages:
        path = message.explicit
        if not path:
            continue
        known = all(0 <= link < topology.links for link in path)
        ends = [message.source, *(target[link] for link in path)] if known else []
        joined = (
            known and ends[-1] == message.target and all(source[link] == at for link, at in zip(path, ends, strict=False))
        )
        if not joined or len(set(path)) < len(path):
            raise InvalidValue(
                f"The path {list(path)} of {message} is not a way along existing links from its source to its "
                "destination that takes no link twice; give the ids of joined links, or no path."
            )


def check_buffers(messages: Sequence[Message], links: Sequence[Link], network: NetworkConfig, cut: Cut) -> None:
    """Raise InvalidValue where a buffer is smaller than the largest packet that may use it."""
    travelling = [m.size for m in messages if m.travels]
    if not travelling or not links:
        return
    largest = cut.packet_bytes(max(travelling), 0)
    least = min(buffer_bytes(link, network) for link in links)
    if least < min(largest, UNBOUNDED):
        raise InvalidValue(
            f"The buffer of {format_size(least)} is smaller than a packet of {format_size(largest)}; "
            "raise buffer or lower packet_payload."
        )
