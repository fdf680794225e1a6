"""Small data-parallel jobs whose all-reduce is known, for the tests of schemes."""

from fractions import Fraction

from collsim.engines.engine import ENGINES
from collsim.program import single_call
from collsim.simulate import prepare
from collsim.workloads.data_parallel import SCHEMES, Work
from collsim.workloads.jitter import Jitter
from collsim.workloads.timeline import timeline

ENGINE_NAMES = ("compiled", "simpy")
SIZE = 4 * 2**13
BUCKETS = ((SIZE // 2, Fraction(2, 3)), (SIZE // 2, Fraction(1)))


class Machine:
    """A machine with one algorithm, and the time of its all-reduce alone."""

    def __init__(self, topology="ring4", algorithm="ring", engine="compiled", size=SIZE, **settings):
        self.case = prepare(topology, **settings)
        self.engine, self.algorithm, self.size = ENGINES.get(engine), algorithm, size
        self.ranks = len(self.case.hosts)

    def plan(self, size):
        return self.case.plan(self.algorithm, size)[0]

    def alone(self, size=None):
        size = size or self.size
        return self.run(single_call(self.plan(size), size)).time

    def run(self, program):
        return self.engine(self.case.topology, program, self.case.network)

    def work(self, compute, update=10**8, iterations=6, jitter=None, **options):
        noise = jitter or Jitter()
        options = {"buckets": BUCKETS, "local_steps": 3, "servers": (0,), **options}
        times = noise.times(compute, self.ranks, iterations)
        initiators = times.argmax(axis=1)
        return Work(self.case.hosts, times, compute, update, self.size, self.plan, initiators=initiators, **options)

    def times(self, name):
        scheme = SCHEMES.get(name)
        return [self.alone(size) for size, _ in BUCKETS] if scheme.buckets else [self.alone()]

    def line(self, name, work):
        written = SCHEMES.get(name).write(work)
        return timeline(work, written, self.run(written.program))
