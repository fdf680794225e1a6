"""What the sum of gradients across sites sends and takes by formula, beside which its simulation stands."""

from __future__ import annotations

from collsim.sweep.multi_site_way import Setting
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND
from collsim.workloads.multi_site import crossing

__all__ = ["exchange_law", "port", "ring_rate", "sent_law", "wide_law"]


def sent_law(at: Setting, name: str) -> int:
    """Return bytes that leave a site: 2(d-1)/d of the data by rings through d ranks, 2(X-1)/X by a hierarchy."""
    sites, replicas = at.plant.sites, at.plant.replicas
    amount = at.job.shard * at.job.tensor * at.job.pipeline
    if name == "flat":
        return int(crossing(sites * replicas, amount))
    if name == "swap":
        return amount * (sites.bit_length() - 1 if replicas == 1 else sites - 1)
    return int(crossing(sites, amount))


def exchange_law(at: Setting, name: str) -> int:
    """Return fs: bytes over the wide area's rate, its delays one after another, and what ports of GPUs take inside sites."""
    sites, replicas = at.plant.sites, at.plant.replicas
    ranks = sites * replicas
    delay = max(site.latency for site in at.wide)
    across = wide_law(at, name)
    if name == "flat":
        return across + -(-2 * (ranks - 1) * sites // ranks) * delay
    inside = 2 * (replicas - 1) * at.job.shard * FS_PER_SECOND // (replicas * port(at.topology))
    return across + inside + (1 if name == "swap" else 2 * (sites - 1)) * delay


def wide_law(at: Setting, name: str) -> int:
    """Return fs that links out of a site take for what it sends, if they never idle: of rings those to the next site."""
    rate = min(site.rate for site in at.wide) if name == "swap" else ring_rate(at)
    return -(-sent_law(at, name) * FS_PER_SECOND // rate)


def ring_rate(at: Setting) -> int:
    """Return bytes/s that lead from a site to the next, the least of them; out of a site where two do not touch."""
    machine = at.topology
    level = next(level for level in machine.levels if level.name == "site")
    site = {node: index for index, nodes in enumerate(level.sets) for node in nodes}
    rates = dict.fromkeys(range(len(at.wide)), 0)
    for index, own in enumerate(at.wide):
        for link in own.links:
            if site.get(int(machine.target[link])) == (index + 1) % len(at.wide):
                rates[index] += int(machine.bandwidth[link])
    return min(rates.values()) or min(own.rate for own in at.wide)


def port(topology: Topology) -> int:
    """Return bytes/s of the slowest link out of host 0, its port to the fabric."""
    return int(topology.bandwidth[list(topology.out_links[0])].min())
