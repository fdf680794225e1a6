"""The parts of a fabric joined: links, their channels, the inputs of each node, the ports of each host."""

from __future__ import annotations

from collsim.engines.reference.link import Channel, Link, buffer_bytes
from collsim.engines.reference.nic import Host, Port
from collsim.network.config import NetworkConfig
from collsim.network.schedulers import SCHEDULERS
from collsim.topology.graph import Topology

__all__ = ["wire"]


def wire(topology: Topology, network: NetworkConfig, channels: int) -> tuple[list[Link], list[Host]]:
    """Return the links, each with its `channels` FIFOs and, at a host, its NIC port, and the hosts: all wiring is here."""
    scheduler = SCHEDULERS.get(network.nic.nic_scheduler)
    by_message = network.transport.flow_control == "message"
    rows = (topology.source, topology.target, topology.bandwidth, topology.latency)
    links = [Link(k, *map(int, row)) for k, row in enumerate(zip(*rows, strict=True))]
    hosts = [Host(h) for h in range(topology.hosts)]
    for link in links:
        size = buffer_bytes(link, network)
        link.channels = [Channel(link, v, size) for v in range(channels)]
        if link.source < topology.hosts:
            link.port = Port(hosts[link.source], link, scheduler, by_message)
            hosts[link.source].ports.append(link.port)
    for node in range(topology.nodes):
        fifos = [channel for k in topology.in_links[node] for channel in links[k].channels]
        for rank, channel in enumerate(fifos):
            channel.input = rank
        for k in topology.out_links[node]:
            links[k].inputs = len(fifos) + 1
    return links, hosts
