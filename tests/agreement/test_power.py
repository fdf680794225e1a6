"""The cases have teeth: read any rule of the model another way, and some of them come out otherwise.

Each mutant rewrites one expression of the SimPy engine for the length of a test; the cases run on it and on the engine as
it is. A mutant that no case notices is a rule that the suite would not miss in another engine either.
"""

import __future__

import inspect
import textwrap

import pytest
from agreement.compare import differences, run
from agreement.draw import draw

from collsim.engines.reference import arbiter, ends, fabric, link, lockstep, nic, routes, servers, tasks, wiring
from collsim.network import buffers, schedulers

CASES = 300

# Rule, module, function or method, the expression and what it becomes.
MUTANTS = [
    ("7 a head of no time", link, "head_fs", "max(1, link.ser(min(header, size)))", "link.ser(min(header, size))"),
    ("7 head of the whole packet", link, "head_fs", "if cut_through", "if False"),
    ("8 room on the last link", arbiter, "admit", "hop.final or channel", "channel"),
    ("9 underrun", fabric, "Fabric._enter", "max(head, tail - fastest)", "head"),
    ("9 router delay", fabric, "Fabric._enter", "+ self.network.router.router_delay", ""),
    ("9 wait for the head of the front", fabric, "Fabric._tail_left", "first.asks_from <= now", "True"),
    ("10 credit at once", fabric, "Fabric._tail_left", "now + sender.link.latency", "now"),
    ("10 auto buffers", buffers, "auto_buffer", "largest)) + 1)", "largest)))"),
    ("11 ids of one tick", fabric, "Fabric._settle", "key=lambda m: m.id", "key=lambda m: -m.id"),
    ("12 stays with its message", nic, "Port.granted", "elif flow.pending", "elif flow.pending and False"),
    ("12 round-robin by message", nic, "Port.__init__", "scheduler.per_packet and", "False and"),
    ("12 round-robin under rule 21", nic, "Port.__init__", "and not by_message", ""),
    ("12 lowest step", schedulers, "lowest_step", "message.step, ", ""),
    ("12 shortest", schedulers, "shortest_first", "message.size, ", ""),
    ("13 estimates", lockstep, "Lockstep._advance", "counter.elapsed and ", ""),
    ("13 steps sent", lockstep, "Lockstep._advance", "not counter.left.get(counter.open)", "True"),
    ("13 oracle", lockstep, "Lockstep._injected", "if not self._oracle", "if True"),
    ("14 ports", arbiter, "Arbiter._askers", "host.sending >= self._ports", "host.sending > self._ports"),
    ("16 the pointer moves on", arbiter, "Arbiter.arbitrate", "best[1] + 1", "best[1]"),
    ("17 oldest", arbiter, "_oldest", "packet.message.ready, ", ""),
    ("17 lowest step", arbiter, "_lowest_step", "packet.message.step, ", ""),
    ("19 least queued", routes, "Router.choose", "min(packet", "max(packet"),
    ("19 weights", routes, "Router.choose", "option.weight * ", ""),
    ("5 most room", arbiter, "admit", "channel.room > best.room", "channel.room < best.room"),
    ("5 ties to the lowest", arbiter, "admit", "channel.room > best.room", "channel.room >= best.room"),
    ("5 static channels", routes, "Router._hop", "message.id % len(channels)", "0"),
    ("21 reservation", fabric, "Fabric._grant", "channel.holder = message", "channel.holder = None"),
    ("4 injection latency", tasks, "Tasks._prepared", " + self.nic.injection_latency", ""),
    ("4 turns of overheads", servers, "Servers.arrive", "message.id, job", "-message.id, job"),
    ("6 quantum", tasks, "Tasks.reduction_fs", "-(-message.size // quantum) * quantum", "message.size"),
    ("6 ejection of an own message", tasks, "Tasks._ready", "elif message.packets", "elif False"),
    ("28 attempts differ", ends, "Ends.loses", "packet.before", "packet.before + 1"),
    ("28 links differ", ends, "Ends.loses", "*identity, link.index", "*identity, 0"),
    ("29 the rest of the way", ends, "Ends._notice", "missed + rest", "missed"),
    ("29 a timer waits for the loss", ends, "Ends._notice", "max(packet.sent + self._timeout, missed)", "missed"),
    ("30 goes back", ends, "Ends._send_again", "- packet.place", "- packet.place + (packet.place > 0)"),
    ("30 once", ends, "Ends._send_again", "packet.message.attempts[packet.index] > packet.before + 1", "False"),
    ("30 in order only", ends, "Ends._arrived", "packet.place != flow.expected", "packet.place < flow.expected"),
    ("30 repeats in order", ends, "Ends._send_again", "insort(flow.again", "list.append(flow.again"),
    ("30 repeats open no step", fabric, "Fabric._tail_left", "packet.before == 0", "True"),
    ("31 delivery", ends, "Ends._deliver", "message.delivered in message.held", "False"),
    ("32 outstanding", ends, "Ends._choose", "scores[k][1] * each", "0"),
    ("32 the draw", ends, "Ends._choose", "(k - first) % count", "k"),
    ("32 an eighth", ends, "Ends._learn", "(score[0] >> 3)", "(score[0] >> 2)"),
]
LATER = "self.clock.at(what.time + 1, lambda _: (link.change(what.time, what.rate), self.poke(link)), None)"
CHANGED = [
    ("27 from its tick on", fabric, "Fabric.change", "link.change(what.time, what.rate)", LATER),
    ("27 nothing is granted", arbiter, "Arbiter.arbitrate", " or not link.bandwidth", " or (not link.bandwidth and False)"),
    ("27 a restored link looks again", fabric, "Fabric.change", "self.poke(link)", "pass"),
    ("27 waits for the tail", fabric, "Fabric._grant", ", packet.tail)", ", 0)"),
    ("27 packets take the new rate", link, "Link.change", "self.serialisation.clear()", "pass"),
]
"""Those of the rule of links that change, on cases in which they do."""


def mutated(module, name, old, new):
    """The owner of a function, its name there, and the function with an expression replaced."""
    owner, _, attribute = name.rpartition(".")
    holder = getattr(module, owner) if owner else module
    source = textwrap.dedent(inspect.getsource(getattr(holder, attribute)))
    source = "\n".join(line for line in source.splitlines() if not line.startswith("@")) + "\n"
    assert old in source, f"{name} no longer says {old}"
    names = dict(vars(module))
    exec(compile(source.replace(old, new), name, "exec", __future__.annotations.compiler_flag), names)
    return holder, attribute, names[attribute]


def install(monkeypatch, module, name, old, new):
    holder, attribute, function = mutated(module, name, old, new)
    original = getattr(holder, attribute)
    monkeypatch.setattr(holder, attribute, function)
    for user in (fabric, link, routes, wiring):
        if getattr(user, attribute, None) is original:
            monkeypatch.setattr(user, attribute, function)
    for key, order in arbiter.ORDERS.items():
        if order is original:
            monkeypatch.setitem(arbiter.ORDERS, key, function)
    for key, entry in schedulers.SCHEDULERS.items():
        if entry.key is original:
            changed = schedulers.Scheduler(key, function, entry.about, entry.per_packet, entry.lockstep)
            monkeypatch.setitem(schedulers.SCHEDULERS._entries, key, changed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "module", "name", "old", "new"),
    [(None, *m[1:]) for m in MUTANTS] + [("changing", *m[1:]) for m in CHANGED],
    ids=[m[0] for m in MUTANTS + CHANGED],
)
def test_a_rule_read_otherwise_shows(monkeypatch, kind, module, name, old, new):
    with monkeypatch.context() as patch:
        for number in range(CASES):
            case = draw(number, kind)
            plain = run(case, "simpy")
            install(patch, module, name, old, new)
            changed = run(case, "simpy")
            patch.undo()
            if differences(plain, changed):
                return
    raise AssertionError(f"{CASES} cases do not notice")
