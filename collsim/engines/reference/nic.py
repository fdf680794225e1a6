"""The NIC: a queue a port, the scheduler that names a message, and the limit on ports (rules 11, 12 and 14)."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from collsim.engines.reference.message import Message, Packet
from collsim.network.schedulers import Scheduler

if TYPE_CHECKING:
    from collsim.engines.reference.link import Link

__all__ = ["Flow", "Host", "Port"]


class Flow:
    """A message in the queue of one port: those of its packets whose path begins there, in ascending order.

    Without spraying that is all of them: `waiting` lists their indices. What schedulers
    read (`collsim.network.schedulers.Waiting`) is here. `opened`: the tick at which lockstep let it through, -1 when it
    never waited for a step. `again`: indices of packets to be sent again, before all others. `expected`: the place that
    a receiver under go-back-n takes next. `noticed`: (tick, grant) of the latest loss that the sender has learnt of.
    """

    __slots__ = (
        *("again", "expected", "id", "left", "message", "noticed", "opened", "packet", "place", "port", "ready"),
        *("size", "step", "waiting"),
    )

    def __init__(self, message: Message, port: Port, waiting: Sequence[int]):
        self.message, self.port, self.waiting = message, port, waiting
        self.id, self.step, self.ready, self.size = message.id, message.step, message.ready, message.size
        self.left = len(waiting)
        self.place = 0
        self.opened = -1
        self.packet: Packet | None = None
        self.again: list[int] = []
        self.expected = 0
        self.noticed = (-1, -1)

    @property
    def pending(self) -> bool:
        """Whether a packet is to be granted."""
        return self.left > 0 or bool(self.again)

    @property
    def next_place(self) -> int:
        """Place in `waiting` of the packet to be granted next, those that are sent again aside."""
        return len(self.waiting) - self.left

    @property
    def next_index(self) -> int:
        """Index in the message of the packet to be granted next."""
        return self.again[0] if self.again else self.waiting[self.next_place]


class Port:
    """The NIC input of one outgoing link of a host: a queue, and the message the scheduler stays with (`current`)."""

    __slots__ = ("_per_packet", "_places", "_queue", "_scheduler", "current", "host", "link")

    def __init__(self, host: Host, link: Link, scheduler: Scheduler, by_message: bool):
        self.host, self.link, self._scheduler = host, link, scheduler
        self._per_packet = scheduler.per_packet and not by_message
        self._queue: list[tuple[tuple[int, ...], int, Flow]] = []
        self._places = 0
        self.current: Flow | None = None

    @property
    def waiting(self) -> bool:
        """Whether any message is in the queue."""
        return self.current is not None or bool(self._queue)

    def join(self, flow: Flow) -> None:
        """Put `flow` at the back of the queue."""
        flow.place = self._places
        self._places += 1
        heappush(self._queue, (self._scheduler.key(flow), flow.id, flow))

    def named(self) -> Flow | None:
        """Return the message the scheduler names now, None when the queue is empty."""
        if self.current is not None:
            return self.current
        return self._queue[0][2] if self._queue else None

    def granted(self, flow: Flow) -> None:
        """Take note that the next packet of `flow`, the named message, was granted."""
        if flow.again:
            flow.again.pop(0)
        else:
            flow.left -= 1
        flow.packet = None
        if self.current is None:
            heappop(self._queue)
            if self._per_packet and flow.pending:
                self.join(flow)
            elif flow.pending:
                self.current = flow
        elif not flow.pending:
            self.current = None


class Host:
    """A host's NIC: its ports, how many of them send now, and (tick, grant) of the latest end of a packet it sent."""

    __slots__ = ("freed", "index", "ports", "sending")

    def __init__(self, index: int):
        self.index = index
        self.ports: list[Port] = []
        self.sending = 0
        self.freed = (-1, -1)
