"""Every algorithm on every suitable topology: engines agree to the tick, with closed forms and bounds as they must."""

import itertools

import pytest
from conformance.cases import topology
from engines.train_cases import unlike

from collsim.collectives.algorithm import ALGORITHMS
from collsim.engines import compiled_engine
from collsim.errors import AlgorithmUnsuitable
from collsim.program import single_call
from collsim.simulate import prepare

TOPOLOGIES = (
    "ring6",
    "full5",
    "switch5",
    "hypercube8",
    "torus4x4",
    "mesh3x4",
    "fattree2x2",
    "fattree4",
    "bigraph2x4",
    "dragonfly1x2x1",
)
LINKS = (("16GB/s", "150ns"), ("3GB/s", "0ns"), ("100GB/s", "2us"))
SIZES = (1, 1000, 65536, 150_001)
PLAIN = [(name, topo, LINKS[0], SIZES[3]) for name, topo in itertools.product(ALGORITHMS, TOPOLOGIES)]
ALL = [case for case in itertools.product(ALGORITHMS, TOPOLOGIES, LINKS, SIZES) if case not in PLAIN]


def name_of(case):
    return "-".join(map(str, case[:2]))


@pytest.mark.parametrize("case", PLAIN, ids=name_of)
def test_engines_closed_form_and_bound_agree(case):
    check(*case)


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=lambda c: "-".join(map(str, (*c[:2], c[2][0], c[3]))))
def test_engines_closed_form_and_bound_agree_at_every_size_rate_and_latency(case):
    check(*case)


def check(name, topo, link, size):
    for operation in ALGORITHMS.get(name).collectives:
        settings = {"collective": operation, "bandwidth": link[0], "latency": link[1]}
        try:
            packets = prepare(topo, engine="simpy", **settings).run(name, size)
        except AlgorithmUnsuitable:
            return
        case = prepare(topo, engine="compiled", **settings)
        program = single_call(packets.schedule, size)
        for result in (case.run(name, size).result, compiled_engine.packets(case.topology, program, case.network)):
            assert not unlike(result, packets.result), operation
        formula = prepare(topo, engine="analytic", **settings).run(name, size)
        for run in (packets, formula):
            assert run.percent_of_bound <= 100
            assert sum(run.result.critical_path.values()) == run.result.time
        if packets.closed_form is not None and packets.closed_form.exact:
            assert packets.result.time == packets.closed_form.time, operation
            assert formula.result.time == packets.closed_form.time, operation
        assert packets.result.link_bytes.tolist() == formula.result.link_bytes.tolist()
        assert topology(topo).hosts == packets.schedule.ranks


@pytest.mark.parametrize("name", [name for name, entry in ALGORITHMS.items() if "all-reduce" in entry.collectives])
def test_a_partial_all_reduce_takes_the_time_of_one_of_the_part(name):
    topo = {"forest": "mesh2x3"}.get(name, ALGORITHMS.get(name).suits[0])
    for engine, (k, h), size in itertools.product(("compiled", "simpy"), ((0, 768), (230, 768), (768, 768)), (20_001, 70)):
        part = prepare(topo, engine=engine, collective=f"partial-all-reduce:p={k}/{h},h={h}").run(name, size)
        if k == 0:
            assert (part.result.time, part.bound.time, part.algbw, part.result.packets) == (0, 0, 0.0, 0)
            assert not part.result.link_bytes.any()
            continue
        whole = prepare(topo, engine=engine).run(name, size * k // h)
        assert not unlike(part.result, whole.result), (engine, k, size)
        assert part.bound == whole.bound
        assert (part.closed_form is None) == (whole.closed_form is None)
        assert part.closed_form is None or part.closed_form.time == whole.closed_form.time
        if k == h:
            assert (part.algbw, part.busbw) == (whole.algbw, whole.busbw)
