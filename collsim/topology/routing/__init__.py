"""Routing, one family a file, each yielding the arrays that engines read."""

from collsim.topology.routing.batch import PathArrays, paths_of
from collsim.topology.routing.channels import channel_cycle, channels_of, name_cycle
from collsim.topology.routing.select import NAMES, fitting, route
from collsim.topology.routing.table import RouteTable
from collsim.topology.routing.walk import Choice, Key, Routing, State
from collsim.topology.routing.width import slower_ways

__all__ = [
    "NAMES",
    "Choice",
    "Key",
    "PathArrays",
    "RouteTable",
    "Routing",
    "State",
    "channel_cycle",
    "channels_of",
    "fitting",
    "name_cycle",
    "paths_of",
    "route",
    "slower_ways",
]
