"""Short ways to open-loop traffic on small machines. Latencies are 1 ns: one cycle of the default flit."""

from collsim.engines.engine import ENGINES
from collsim.topology import load
from collsim.workloads.open_loop import OpenLoop, load_program, traffic_case
from collsim.workloads.open_loop_measures import measure


def case_of(topology, pattern="uniform", seed=0, latency="1ns", network=None, **sizes):
    return traffic_case(load(topology, latency=latency), OpenLoop(pattern, **sizes), network or {}, seed)


def execute(case, program, engine="compiled"):
    return ENGINES.get(engine)(case.topology, program, case.network, seed=case.seed)


def point_of(case, share, engine="compiled"):
    program = load_program(case, share)
    return measure(case, share, program, execute(case, program, engine))
