"""Tiny machines on which a byte takes a femtosecond, so that every time in a rule's test can be added up by hand."""

from collsim.collectives.collective import collective
from collsim.collectives.schedule import ScheduleBuilder
from collsim.engines.engine import ENGINES
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.program import Program
from collsim.topology.graph import Link, build

ONE = 10**15
"""Bytes per second of a link on which a byte takes 1 fs."""


def machine(hosts, switches, *links, forwards=None):
    """Links are (source, target), (source, target, latency fs) or (source, target, latency, fs a byte), one way each.

    A way back is added behind them for every pair that has none, because a machine must be connected both ways.
    """
    given = [Link(a, b, ONE // (rest[1] if len(rest) > 1 else 1), rest[0] if rest else 0) for a, b, *rest in links]
    pairs = {(k.source, k.target) for k in given}
    back = [Link(b, a, ONE, 0) for a, b in sorted(pairs) if (b, a) not in pairs]
    return build("tiny", hosts, given + back, switches=switches, forwards=forwards)


def run(topology, *operations, engine="simpy", seed=0, changes=(), **settings):
    """Return the Result; packets carry 10 bytes unless said, `changes` of links are (fs, link, bytes a second)."""
    network = NetworkConfig().with_settings({"packet_payload": 10} | settings)
    more = {"changes": [LinkChange(*change) for change in changes]} if changes else {}
    return ENGINES.get(engine)(topology, Program(operations), network, seed=seed, **more)


def finish(*arguments, **settings):
    """Return complete(m) of every message, in order of ids."""
    return run(*arguments, **settings).message_finish.tolist()


def plan(ranks, *transfers):
    """A schedule of (step, source, target, op) transfers, each of a chunk of its own, so that nothing waits for anything."""
    builder = ScheduleBuilder(collective("all-reduce"), "by hand", range(ranks), [1] * len(transfers))
    for chunk, (step, source, target, op) in enumerate(transfers):
        builder.add(step, source, target, chunk, op)
    return builder.finish()
