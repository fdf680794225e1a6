"""MULTITREE beyond its paper: in segments, on links of unequal width, around failed links; each proved and worth it."""

import numpy as np
import pytest

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.collectives.grown_trees import narrowed
from collsim.collectives.verify import verify
from collsim.errors import InvalidValue, UnknownName
from collsim.simulate import prepare
from collsim.topology import load
from collsim.topology.faults import fail_links

MULTITREE = ALGORITHMS.get("multitree")


@pytest.mark.parametrize("name", ["ring5", "torus3x4", "mesh4x4", "fattree2x2", "dgx1-v100", "dgx-a100-x2"])
@pytest.mark.parametrize("operation", ["all-reduce", "reduce-scatter", "all-gather"])
@pytest.mark.parametrize("options", [{"segments": 3}, {"links": "widths"}, {"links": "widths", "segments": 2, "chunks": 2}])
def test_options_are_proved(name, operation, options):
    topology = load(name)
    plan = MULTITREE.schedule(topology, collective(operation), **options)
    ways = 2 if operation == "all-reduce" else 1
    ranks, pieces = topology.hosts, options.get("segments", 1) * options.get("chunks", 1)
    assert verify(plan, topology).transfers == ways * pieces * ranks * (ranks - 1)


@pytest.mark.parametrize("options", [{}, {"segments": 2}])
def test_trees_grow_around_a_cable_dead_in_one_direction(options):
    topology = fail_links(load("torus3x3"), ["h0->h1"])
    verify(MULTITREE.schedule(topology, collective("all-reduce"), **options), topology)


def test_a_wide_link_is_several_narrow_ones():
    boxes = load("dgx-a100-x2")
    narrow, origin = narrowed(boxes)
    assert set(narrow.bandwidth.tolist()) == {25 * 10**9}
    assert np.bincount(origin).tolist() == (boxes.bandwidth // (25 * 10**9)).tolist()
    assert (narrow.source == boxes.source[origin]).all()


def test_widths_change_nothing_where_links_are_alike():
    torus = load("torus3x3")
    one, other = (MULTITREE.schedule(torus, collective("all-reduce"), links=links) for links in ("alike", "widths"))
    assert one.path_links.tolist() == other.path_links.tolist()
    assert one.step.tolist() == other.step.tolist()


@pytest.mark.slow
def test_what_each_option_buys():
    """A mesh whose corners idle half of each phase, and boxes with slow cards."""
    mesh, boxes = (prepare(name, engine="compiled") for name in ("mesh4x4", "dgx-a100-x2"))
    size = 2**22
    assert mesh.run("multitree:segments=8", size).result.time < 0.85 * mesh.run("multitree", size).result.time
    plain, wide, both = (
        boxes.run(algo, size).result.time
        for algo in ("multitree", "multitree:links=widths", "multitree:links=widths,segments=8")
    )
    assert both < 0.75 * wide
    assert wide < 0.5 * plain


def test_segments_are_not_claimed_by_the_closed_form():
    run = prepare("torus4x4", engine="analytic").run("multitree:segments=4", 2**20)
    assert run.closed_form is None


def test_options_are_refused_by_name():
    with pytest.raises(UnknownName, match="widths"):
        MULTITREE.schedule(load("ring4"), collective("all-reduce"), links="width")
    with pytest.raises(InvalidValue, match="segments"):
        MULTITREE.schedule(load("ring4"), collective("all-reduce"), segments=-1)
