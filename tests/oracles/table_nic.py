"""NICs that know nothing but their tables: a small event loop that works them off in order and says when what arrived.

Written from docs/nic-tables.md and the paper's description, without a look at the engines. Messages never meet here: each
takes the two times that `message` gives, until its last byte has left the NIC and until it is complete at the other end.
Beside the times it carries values, contributions as Counters, so that an entry issued too early shows as a wrong sum.
"""

from collections import Counter
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter


class Node:
    def __init__(self, table, values):
        self.table, self.values = table, values
        self.step, self.due, self.unsent, self.waiting, self.heard = -1, 0, 0, [], []

    def noted(self, entry):
        """Deliveries (source, opcode, flow, count, step) that `entry` waits for: its own, and of entries without targets."""
        found = [(entry, entry.step)] + [(e, e.step + 1) for e in self.table if not e.targets and e.step < entry.step]
        return {
            d
            for e, before in found
            for d in self.expected
            if d[1] == e.opcode and d[0] in e.sources and d[4] < before and self.meets(e, d) and self.meets(entry, d)
        }

    def meets(self, entry, delivery):
        flow, chunks = delivery[2], self.chunks
        return (flow - entry.flow) % chunks < entry.count or (entry.flow - flow) % chunks < delivery[3]

    def value(self, chunk, before):
        """What the node holds of `chunk`, of what has come so far in steps below `before`."""
        held = self.values[chunk]
        for _, opcode, flow, length, _, carried, _ in sorted((d for d in self.heard if d[4] < before), key=itemgetter(4)):
            if (chunk - flow) % self.chunks < length:
                held = carried[chunk] if opcode == "Gather" else held + carried[chunk]
        return held


class Tables:
    """NICs and their tables; `issued` and `finish` say when each message was handed to the network and was complete.

    `message(rank, target, entry, k)` gives (fs to inject, fs to complete) of what an entry sends to its k-th target.

    `estimate(step)`: fs, or None for the oracle, which opens a step everywhere once the one before is complete.
    `ready_after`: fs between the last delivery that an entry waits for (or the start) and the entry being ready.
    """

    def __init__(self, tables, message, estimate=None, values=None, ready_after=0):
        self.tables, self.message, self.estimate, self.ready_after = tables, message, estimate, ready_after
        self.nodes = [Node(t, values[r] if values else {}) for r, t in enumerate(tables.tables)]
        self.events, self.serial, self.now, self.issued, self.finish = [], count(), 0, {}, {}
        self.left = Counter()
        for node in self.nodes:
            node.expected, node.chunks = [], len(tables.weights)
        for rank, e in tables.entries():
            self.left[e.step] += len(e.targets)
            for target in e.targets:
                self.nodes[target].expected.append((rank, e.opcode, e.flow, e.count, e.step))
        self.wanted = {id(e): node.noted(e) for node in self.nodes for e in node.table if e.targets}

    def run(self):
        """Return {(rank, target, opcode, flow, step): fs at which it was complete}."""
        for node in self.nodes:
            self.open(node)
        while self.events:
            self.now, _, happen, arguments = heappop(self.events)
            happen(*arguments)
        assert not any(node.waiting for node in self.nodes), "a node waits for something that nobody sends"
        assert all(node.step == self.tables.steps - 1 for node in self.nodes)
        return self.finish

    def at(self, time, happen, *arguments):
        assert time >= self.now, "the network moved a message before its NIC issued it"
        heappush(self.events, (time, next(self.serial), happen, arguments))

    def open(self, node):
        node.step += 1
        node.waiting = [e for e in node.table if e.step == node.step and e.targets]
        node.unsent = sum(len(e.targets) for e in node.waiting)
        self.issue(node)
        if self.estimate is not None:
            node.due = self.now + self.estimate(node.step)
            self.at(node.due, self.advance, node)

    def advance(self, node):
        if self.estimate is None or node.step + 1 >= self.tables.steps:
            return
        if not node.unsent and self.now >= node.due:
            self.open(node)

    def issue(self, node):
        for entry in [e for e in node.waiting if self.ready(node, e)]:
            node.waiting.remove(entry)
            rank = self.nodes.index(node)
            chunks = [(entry.flow + k) % node.chunks for k in range(entry.count)]
            carried = {c: node.value(c, entry.step) for c in chunks} if node.values else {}
            for k, target in enumerate(entry.targets):
                self.issued[rank, target, entry.opcode, entry.flow, entry.step] = self.now
                inject, complete = self.message(rank, target, entry, k)
                self.at(self.now + inject, self.injected, node)
                self.at(self.now + complete, self.arrived, rank, target, entry, carried)

    def ready(self, node, entry):
        """Whether all that `entry` waits for has come, long enough ago; if not so long, look again when it is."""
        when = {d[:5]: d[6] for d in node.heard}
        wanted = self.wanted[id(entry)]
        if not wanted <= when.keys():
            return False
        ready = max((when[d] for d in wanted), default=0) + self.ready_after
        if ready > self.now:
            self.at(ready, self.issue, node)
        return ready <= self.now

    def injected(self, node):
        node.unsent -= 1
        self.advance(node)

    def arrived(self, rank, target, entry, carried):
        node = self.nodes[target]
        self.finish[rank, target, entry.opcode, entry.flow, entry.step] = self.now
        node.heard.append((rank, entry.opcode, entry.flow, entry.count, entry.step, carried, self.now))
        self.issue(node)
        self.left[entry.step] -= 1
        while self.estimate is None and not self.left[self.nodes[0].step] and self.nodes[0].step + 1 < self.tables.steps:
            for each in self.nodes:
                self.open(each)
