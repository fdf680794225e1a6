"""Topologies: the graph, one pure builder per family, and the files and machines it is read from."""

from collsim.topology.graph import Level, Link, Topology, build
from collsim.topology.resolve import load, machines

__all__ = ["Level", "Link", "Topology", "build", "load", "machines"]
