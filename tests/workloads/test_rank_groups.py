"""Rank groups: a grid of ranks, cut along each axis, and where its groups lie on real machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import InvalidValue, UnknownName
from collsim.topology import load
from collsim.workloads.rank_groups import KINDS, Layout, boxes, rank_groups
from collsim.workloads.transformers.shape import TRANSFORMERS

DEGREE = st.integers(1, 5)
ORDER = st.permutations(list(KINDS)).map(",".join)


@given(tp=DEGREE, pp=DEGREE, dp=DEGREE, order=ORDER)
def test_groups_of_a_kind_are_a_partition_along_one_axis(tp, pp, dp, order):
    layout = Layout(tp, pp, dp, order)
    for kind in KINDS:
        groups = layout.groups(kind)
        assert sorted(rank for group in groups for rank in group) == list(range(layout.ranks))
        assert [len(group) for group in groups] == [layout.degree(kind)] * (layout.ranks // layout.degree(kind))
        for group in groups:
            places = [layout.place(rank) for rank in group]
            assert [place[kind] for place in places] == list(range(layout.degree(kind)))
            assert len({tuple(place[other] for other in KINDS if other != kind) for place in places}) == 1
    places = [tuple(layout.place(rank).values()) for rank in range(layout.ranks)]
    assert len(set(places)) == layout.ranks


def test_the_order_of_megatron():
    """Megatron-LM's example: 16 ranks, tp 2 and pp 4: {0, 1}; {0, 4, 8, 12}; {0, 2}, when data comes before the pipeline."""
    layout = Layout(2, 4, 2, "tp,dp,pp")
    assert layout.groups("tp")[:2] == ((0, 1), (2, 3))
    assert layout.groups("pp")[:2] == ((0, 4, 8, 12), (1, 5, 9, 13))
    assert layout.groups("dp")[:2] == ((0, 2), (1, 3))
    assert Layout(2, 2, 2).groups("dp") == ((0, 4), (1, 5), (2, 6), (3, 7))


@pytest.mark.parametrize(
    ("name", "word", "sizes"),
    [
        ("dgx-a100-x2", "box", [8, 8]),
        ("gaudi3", "box", [8]),
        ("nvl72", "box", [72]),
        ("full8", "box", [8]),
        ("fattree4", "leaf", [2] * 8),
        ("leafspine4x8x2", "leaf", [4] * 8),
        ("dragonfly2x4x2", "router", [2] * 36),
        ("torus4x4", "row", [4] * 4),
        ("ring8", "box", [1] * 8),
        ("dgx1-v100", "quad", [4] * 2),
    ],
)
def test_boxes_are_what_the_topology_says(name, word, sizes):
    found = boxes(load(name))
    assert (found.name, [len(hosts) for hosts in found.sets]) == (word, sizes)


def test_another_level_can_be_a_box():
    machine = load("fattree4")
    assert [len(hosts) for hosts in boxes(machine, "pod").sets] == [4] * 4
    with pytest.raises(UnknownName, match="'pod'"):
        boxes(machine, "pot")


def test_groups_inside_boxes_are_counted_and_told():
    machine = load("leafspine8x8x1")
    job = rank_groups(machine, Layout(8, 1, 8))
    assert (job.inside("tp"), job.inside("dp"), set(job.spans("dp"))) == (8, 0, {8})
    rows = dict(job.rows())
    assert rows["Layout"] == "tp 8 x pp 1 x dp 8, tp counted fastest: 64 ranks"
    assert rows["Tensor"] == "8 tensor-parallel groups of 8, all inside a leaf"
    assert rows["Data"] == "8 data-parallel groups of 8, each across 8 leaves"
    assert rows["Ranks a leaf"] == "0-7; 8-15; 16-23; 24-31; 32-39; 40-47; 48-55; 56-63"
    assert "Pipeline" not in rows
    assert job.host_groups("tp")[1] == tuple(range(8, 16))


def test_a_group_that_does_not_fit_a_box_is_told_apart():
    job = rank_groups(load("dgx-a100-x2"), Layout(tp=6, dp=2))
    rows = dict(job.rows())
    assert rows["Tensor"] == "2 tensor-parallel groups of 6, 1 inside a box, the others across 2 boxes"
    assert rows["Layout"].endswith("12 ranks; 4 hosts stay idle")
    assert rows["Ranks a box"] == "0-7; 8-11"
    slow = rank_groups(load("dgx-a100-x2"), Layout(tp=8, dp=2, order="dp,pp,tp"))
    assert dict(slow.rows())["Tensor"] == "2 tensor-parallel groups of 8, each across 2 boxes"
    one = rank_groups(load("gaudi3"), Layout(tp=8))
    assert dict(one.rows())["Tensor"] == "1 tensor-parallel group of 8, inside a box"


def test_hosts_may_be_given_in_any_order():
    machine = load("dgx-a100-x2")
    hosts = [host for pair in zip(range(8), range(8, 16), strict=True) for host in pair]
    job = rank_groups(machine, Layout(tp=2, dp=4), hosts)
    assert job.hosts == (0, 8, 1, 9, 2, 10, 3, 11)
    assert (job.inside("tp"), job.inside("dp")) == (0, 2)
    assert dict(job.rows())["Ranks a box"] == "0, 2, 4, 6; 1, 3, 5, 7"
    alone = rank_groups(load("ring8"), Layout(tp=4, dp=2))
    assert dict(alone.rows())["Ranks a box"] == "1 in each of 8"


def test_a_model_must_divide():
    llama, machine = TRANSFORMERS.get("llama2-7b"), load("torus8x8")
    rank_groups(machine, Layout(8, 4, 2), shape=llama)
    for layout, cure in ((Layout(tp=64), "does not divide the 32 heads"), (Layout(pp=5), "does not divide the 32 layers")):
        with pytest.raises(InvalidValue, match=cure):
            rank_groups(machine, layout, shape=llama)


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        (lambda: Layout(tp=0), "tensor-parallel degree of 0"),
        (lambda: Layout(dp=-1), "data-parallel degree of -1"),
        (lambda: Layout(order="tp,dp"), "write it like tp,pp,dp"),
        (lambda: Layout(order="tp,pp,pp"), "each of tp, pp, dp once"),
        (lambda: rank_groups(load("gaudi3"), Layout(tp=8, dp=2)), "a group larger than the machine: gaudi3 has 8"),
        (lambda: rank_groups(load("gaudi3"), Layout(tp=4), [0, 1, 2]), "the hosts given of gaudi3 has 3"),
        (lambda: rank_groups(load("gaudi3"), Layout(tp=2), [0, 0]), "distinct"),
        (lambda: rank_groups(load("gaudi3"), Layout(tp=2), [0, 8]), "between 0 and 7"),
    ],
)
def test_what_cannot_be_laid_out_is_refused(wrong, cure):
    with pytest.raises(InvalidValue, match=cure):
        wrong()


def test_another_kind_is_answered_with_the_known_ones():
    with pytest.raises(UnknownName, match="dp, pp, tp"):
        Layout().groups("ep")
