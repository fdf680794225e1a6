"""The engine "simpy": the network model rule by rule in SimPy, the specification that other engines are held against."""

from __future__ import annotations

from collsim.engines.engine import ENGINES
from collsim.engines.reference.engine import run

__all__ = ["run"]

ENGINES.add("simpy", run, aliases=("reference",))
