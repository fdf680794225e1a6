"""Time: SimPy's event queue in whole femtoseconds, and the three phases of a tick.

Everything that changes state at a tick is an event of normal priority (phase 1 of rule 18). `request_settling` puts one
event of priority 3 behind all of them, cascades of zero delay included: SimPy orders its heap by (time, priority, serial).
In it the fabric takes the choices (phase 2) and arbitrates (phase 3). `request_hearing` puts one of priority 2 between
them, for what is to be taken in an order of its own; it may cause further events of the tick, and be asked for again.
Bare events carry their callback; a generator process a packet would cost ten times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpy import Environment, Event
from simpy.events import NORMAL, EventPriority

from collsim.units import MAX_TIME, check_time

__all__ = ["Clock"]

HEARING, SETTLING = EventPriority(2), EventPriority(3)


class _Action(Event):
    """An event that happens for certain and calls `action(subject)`."""

    __slots__ = ("action", "subject")

    def __init__(self, env: Environment, action: Callable[[Any], None], subject: Any):
        self.env = env
        self._ok = True
        self._value = None
        self.callbacks = [self._act]
        self.action = action
        self.subject = subject

    def _act(self, _: Event) -> None:
        self.action(self.subject)


class Clock:
    """The clock of one simulation; `settle` is called once in each tick that asked for it, after its phase 1.

    `hear` is called in phase 1 when nothing else of it is left, in the ticks that asked for it.
    """

    def __init__(self, settle: Callable[[], None], hear: Callable[[], None]):
        self._env = Environment()
        self._settle, self._hear = settle, hear
        self._settling = self._hearing = False

    @property
    def now(self) -> int:
        """Femtoseconds since the start."""
        return self._env._now  # type: ignore[return-value]  # an int because every delay is one

    def at(self, time: int, action: Callable[[Any], None], subject: Any) -> None:
        """Call `action(subject)` in phase 1 of tick `time` (>= now); ClockOverflow above 63 bits."""
        if time > MAX_TIME:
            check_time(time)
        env = self._env
        env.schedule(_Action(env, action, subject), NORMAL, time - self.now)

    def request_settling(self) -> None:
        """Have this tick's phases 2 and 3 run, once, when its phase 1 has nothing left."""
        if not self._settling:
            self._settling = True
            self._env.schedule(_Action(self._env, self._run_settling, None), SETTLING)

    def request_hearing(self) -> None:
        """Have `hear` called when the rest of this tick's phase 1 has nothing left."""
        if not self._hearing:
            self._hearing = True
            self._env.schedule(_Action(self._env, self._run_hearing, None), HEARING)

    def run(self) -> None:
        """Process events until none is left."""
        self._env.run()

    def _run_hearing(self, _: None) -> None:
        self._hearing = False
        self._hear()

    def _run_settling(self, _: None) -> None:
        self._settle()
        self._settling = False
