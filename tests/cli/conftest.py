"""Kernels are compiled before the command line is tested: what it says of compiling has tests of its own."""

import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.engines import compiled_engine
from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.topology import load


@pytest.fixture(scope="session", autouse=True)
def _kernels():
    topology = load("ring3")
    program = single_call(ALGORITHMS.get("ring").schedule(topology, collective("all-reduce")), 300)
    for engine in (compiled_engine.run, compiled_engine.packets):
        engine(topology, program, NetworkConfig())
