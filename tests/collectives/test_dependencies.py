"""Dependencies from arrays against the plain loop, on drawn transfers and on real schedules."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.dependencies import plain_dependencies

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.dependencies import infer_dependencies
from collsim.topology import load


def compare(columns, chunks):
    wanted_set, wanted = plain_dependencies(*(c.tolist() for c in columns), chunks)
    for compiled in (False, True):
        dep_set, offsets, members = infer_dependencies(*columns, chunks, compiled=compiled)
        sets = [tuple(members[a:b].tolist()) for a, b in pairwise(offsets)]
        assert dep_set.tolist() == wanted_set
        assert sets == wanted


def rows(longest):
    number = st.integers(0, 3)
    return st.lists(st.tuples(st.integers(0, 6), number, number, number, st.integers(1, longest)), max_size=30)


@pytest.mark.parametrize("longest", [1, 4])
def test_equal_on_drawn_transfers(longest):
    @given(rows(longest))
    def drawn(table):
        columns = np.array(table, dtype=np.int64).reshape(-1, 5).T
        compare([np.ascontiguousarray(c) for c in columns], 4)

    drawn()


@pytest.mark.parametrize("name", ["ring", "direct", "halving-doubling", "bruck", "double-binary-tree", "2d-ring"])
def test_equal_on_real_schedules(name):
    for operation in ALGORITHMS.get(name).collectives:
        plan = ALGORITHMS.get(name).schedule(load("torus4x4"), collective(operation))
        compare([plan.step, plan.src, plan.dst, plan.chunk, plan.count], plan.chunks)


@pytest.mark.parametrize("name", ["ring", "2d-ring", "halving-doubling", "multitree"])
def test_kernels_give_the_same_on_larger_schedules(name):
    plan = ALGORITHMS.get(name).schedule(load("torus8x8"), collective("all-reduce"))
    shuffled = np.random.default_rng(5).permutation(plan.transfers)
    for order in (np.arange(plan.transfers), shuffled):
        columns = [column[order] for column in (plan.step, plan.src, plan.dst, plan.chunk, plan.count)]
        plain, fast = (infer_dependencies(*columns, plan.chunks, compiled=compiled) for compiled in (False, True))
        assert all(np.array_equal(a, b) for a, b in zip(plain, fast, strict=True))


def test_sets_are_shared():
    plan = ALGORITHMS.get("direct").schedule(load("full8"), collective("all-reduce"))
    assert len(plan.set_offsets) - 1 == 1 + 8
