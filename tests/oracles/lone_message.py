"""A message alone on a path, packet by packet and link by link, straight from rules 2, 7, 9 and 21; slow and plain."""

from collsim.units import serialisation_fs


def packets_of(size, payload, header, message_mode):
    sizes = []
    while size > 0:
        part = min(size, payload)
        sizes.append(part + (header if not message_mode or not sizes else 0))
        size -= part
    return sizes


def tails(size, links, *, payload=4096, header=0, router_delay=0, store=False, message_mode=False):
    """Return (time of the last tail at the target, per link (first grant, time the last tail left))."""
    sizes = packets_of(size, payload, header, message_mode)
    head_here = [0] * len(sizes)
    tail_here = [0] * len(sizes)
    intervals = []
    for hop, (bandwidth, latency) in enumerate(links):
        free = 0
        grants = []
        for j, n in enumerate(sizes):
            time = serialisation_fs(n, bandwidth)
            ask = max(head_here[j], tail_here[j] - time) + router_delay if hop else 0
            grant = max(ask, free)
            free = grant + time
            grants.append(grant)
            head = time if store else max(1, serialisation_fs(min(header, n), bandwidth))
            head_here[j] = grant + latency + head
            tail_here[j] = grant + latency + time
        intervals.append((grants[0], free))
    return tail_here[-1], intervals
