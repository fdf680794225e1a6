"""An observer that keeps every grant, and afterwards audits the whole run against the model's physics, from scratch.

It shares no code with an engine: buffers, arrivals and FIFOs are worked out again from the grants alone.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise


def ceil_div(a, b):
    return -(-a // b)


class Audit:
    def __init__(self):
        self.grants = []
        self.completed = {}

    def on_grant(self, link, message, packet, time, *, channel, size, end, final):
        self.grants.append((time, link, channel, message, packet, size, end, final))

    def on_complete(self, message, time):
        assert message not in self.completed
        self.completed[message] = time

    def check(self, topology, network, result, sizes, ends, capacity):
        """`sizes`, `ends`: bytes and (source, target) of each message; `capacity(link)`: bytes of a channel's buffer."""
        latency, rate = topology.latency.tolist(), topology.bandwidth.tolist()
        assert sorted(self.completed) == list(range(len(sizes)))
        assert [self.completed[m] for m in range(len(sizes))] == result.message_finish.tolist()
        self._links(result, rate)
        hops = defaultdict(list)
        for grant in self.grants:
            hops[grant[3], grant[4]].append(grant)
        tails = defaultdict(int)
        payload = defaultdict(int)
        for (message, packet), steps in hops.items():
            source, target = ends[message]
            payload[message] += steps[0][5] - self._header(network, packet)
            self._one_packet(topology, network, steps, source, target)
            tails[message] = max(tails[message], steps[-1][6] + latency[steps[-1][1]])
        for message, size in enumerate(sizes):
            moved = size if ends[message][0] != ends[message][1] else 0
            assert payload[message] == moved
            if moved:
                assert result.message_finish[message] >= tails[message] + network.nic.ejection_latency
        self._buffers(hops, latency, capacity)

    @staticmethod
    def _header(network, packet):
        return 0 if network.transport.flow_control == "message" and packet else network.packet.header

    def _links(self, result, rate):
        by_link = defaultdict(list)
        for time, link, _, _, _, size, end, _ in self.grants:
            assert end - time == ceil_div(size * 10**15, rate[link])
            by_link[link].append((time, end, size))
        for link in range(len(rate)):
            spans = sorted(by_link[link])
            assert all(a[1] <= b[0] for a, b in pairwise(spans)), "two packets on a link at once"
            assert result.link_bytes[link] == sum(size for _, _, size in spans)
            assert result.link_busy[link] == sum(end - begin for begin, end, _ in spans)

    def _one_packet(self, topology, network, steps, source, target):
        """A packet goes from source to target over joined links and never leaves a node before rule 9 lets it."""
        assert int(topology.source[steps[0][1]]) == source
        assert int(topology.target[steps[-1][1]]) == target
        assert [step[7] for step in steps] == [False] * (len(steps) - 1) + [True]
        for here, there in pairwise(steps):
            assert topology.target[here[1]] == topology.source[there[1]]
            assert topology.forwards[topology.target[here[1]]]
            size, wire = here[5], int(topology.latency[here[1]])
            assert size == there[5]
            tail = here[6] + wire
            head = (
                here[0]
                + wire
                + max(1, ceil_div(min(network.packet.header, size) * 10**15, int(topology.bandwidth[here[1]])))
            )
            if network.router.switching == "store-and-forward":
                head = tail
            no_underrun = tail - (there[6] - there[0])
            assert there[0] >= max(head, no_underrun) + network.router.router_delay

    def _buffers(self, hops, latency, capacity):
        """No buffer is ever overfull as its sender counts it, and every FIFO lets packets go in the order they came."""
        stays = defaultdict(list)
        for steps in hops.values():
            for here, there in pairwise(steps):
                stays[here[1], here[2]].append((here[0], there[0], there[6], here[5]))
        for (link, _), packets in stays.items():
            packets.sort()
            leaving = [(left, gone) for _, left, gone, _ in packets]
            assert all(a[1] <= b[0] for a, b in pairwise(leaving)), "a FIFO overtaken"
            changes = [(came, 1, size) for came, _, _, size in packets]
            changes += [(gone + latency[link], 0, -size) for _, _, gone, size in packets]
            held = 0
            for _, _, size in sorted(changes):
                held += size
                assert held <= capacity(link)
