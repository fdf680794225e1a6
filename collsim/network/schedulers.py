"""NIC schedulers by name: which waiting message a port sends next (rules 12 and 13 of docs/network-model.md).

A scheduler is an ordering key and nothing else: of the messages in a port's queue the one with the least key is named. It
looks neither at room nor at the link. A custom one is a function of `Waiting` under the decorator `scheduler`; see
docs/add-a-nic-scheduler.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from collsim.registry import Registry

__all__ = ["ESTIMATES", "SCHEDULERS", "Key", "Scheduler", "StepLoad", "Waiting", "scheduler"]


class Waiting(Protocol):
    """A message in the queue of a port, as a scheduler sees it.

    `id`: number of the message in its program; `step` of its transfer; `ready`: fs at which it joined; `size`: payload
    bytes of the whole message; `left`: its packets not yet granted at this port; `place`: its place in the queue, a
    number that grows towards the back.
    """

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def ready(self) -> int: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def left(self) -> int: ...  # noqa: D102
    @property
    def place(self) -> int: ...  # noqa: D102


Key = Callable[[Waiting], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A NIC scheduler: the waiting message with the least `key` is named, ties go to the least id.

    `per_packet` False: the NIC stays with a message from its first granted packet to its last. True: it names anew for
    every packet, and a message goes to the back of the queue after each of its packets (except under message-based flow
    control, where every scheduler stays). `lockstep` True: a message is named only once its step is open (rule 13).
    """

    name: str
    key: Key
    about: str
    per_packet: bool = False
    lockstep: bool = False


SCHEDULERS: Registry[Scheduler] = Registry("NIC scheduler", None, "collsim.schedulers")


def scheduler(name: str, about: str = "", *, per_packet: bool = False, lockstep: bool = False) -> Callable[[Key], Key]:
    """Decorator: register a key function under `name`; see Scheduler for the options."""

    def wrap(key: Key) -> Key:
        SCHEDULERS.add(name, Scheduler(name, key, about or (key.__doc__ or "").strip(), per_packet, lockstep))
        return key

    return wrap


@scheduler("fifo")
def first_in_first_out(message: Waiting) -> tuple[int, ...]:
    """The front of the queue."""
    return (message.place,)


@scheduler("lowest-step")
def lowest_step(message: Waiting) -> tuple[int, ...]:
    """The least (step, ready, id)."""
    return (message.step, message.ready, message.id)


@scheduler("shortest-first")
def shortest_first(message: Waiting) -> tuple[int, ...]:
    """The least (size, ready, id)."""
    return (message.size, message.ready, message.id)


@scheduler("round-robin", per_packet=True)
def round_robin(message: Waiting) -> tuple[int, ...]:
    """The front of the queue, which goes to the back after each packet."""
    return (message.place,)


@scheduler("lockstep", lockstep=True)
def lockstep(message: Waiting) -> tuple[int, ...]:
    """The least (step, ready, id) among messages whose step their host has opened."""
    return (message.step, message.ready, message.id)


@dataclass(frozen=True, slots=True)
class StepLoad:
    """What a lockstep formula may look at: the largest message of a step and how it is cut.

    `serialisation`: fs for all packets of the largest message at its link's rate; `packets`: how many they are;
    `by_message`: whether flow control is message-based.
    """

    serialisation: int
    packets: int
    by_message: bool


ESTIMATES: dict[str, Callable[[StepLoad], int]] = {}
"""Formulas for `lockstep_estimate` by name: fs that a host waits from opening a step to opening the next."""


def _multitree_isca21(load: StepLoad) -> int:
    """Estimate of the MULTITREE authors' network interface, 1 cycle = 1 ns and a packet of 256 B at 16 GB/s (ISCA 2021)."""
    per_packet = 16 if load.by_message else 17
    cycles = load.packets if load.packets <= 58 else per_packet * load.packets - 928
    return cycles * 10**6


ESTIMATES["schedule"] = lambda load: load.serialisation
ESTIMATES["multitree-isca21"] = _multitree_isca21
