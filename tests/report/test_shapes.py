import numpy as np
import pytest

from collsim.report.shapes import arrow, bowed, link_shapes, node_radii, node_radius, spacing, way
from collsim.topology import Link, build, load


@pytest.mark.parametrize("name", ["torus4x4", "torus8x8", "ring8", "torus5x3"])
def test_no_line_runs_through_a_node_that_is_not_its_end(name):
    topology = load(name)
    shapes, links = link_shapes(topology)
    for line, link in zip(shapes, links, strict=True):
        ends = {int(topology.source[link]), int(topology.target[link])}
        inner = np.concatenate([line[:-1] + s * (line[1:] - line[:-1]) for s in (0.25, 0.5, 0.75)])
        for node in set(range(topology.nodes)) - ends:
            assert np.hypot(*(inner - topology.coordinates[node]).T).min() > node_radius(topology)


def test_opposite_links_are_one_line_and_parallel_ones_are_apart():
    row = [Link(0, 1, 10, 0), Link(1, 0, 10, 0), Link(0, 1, 10, 0), Link(1, 0, 10, 0)]
    shapes, _ = link_shapes(build("pair", 2, row, coordinates=[[0, 0], [1, 0]]))
    assert len(shapes) == 2
    middles = [np.interp(0.5, line[:, 0], line[:, 1]) for line in shapes]
    assert abs(middles[0] - middles[1]) > 0.05


def test_a_bow_keeps_its_ends_and_rises_to_its_height():
    line = bowed(np.array([0.0, 0.0]), np.array([2.0, 0.0]), 0.5)
    assert line[0].tolist() == [0, 0]
    assert line[-1].tolist() == pytest.approx([2, 0])
    assert line[:, 1].max() == pytest.approx(0.5)


@pytest.mark.parametrize("a, b", [(0, 1), (3, 0), (0, 12), (15, 3)])
def test_arrows_go_from_rim_to_rim_over_wrap_links_too(a, b):
    torus = load("torus4x4")
    rim, gap = node_radius(torus), spacing(torus)
    drawn = arrow(way(torus, a, b, gap, 0.12 * gap), rim, rim, rim)
    start, end = torus.coordinates[a], torus.coordinates[b]
    assert np.hypot(*(drawn.shaft[0] - start)) == pytest.approx(rim, rel=0.05)
    assert np.hypot(*(drawn.head[0] - end)) == pytest.approx(rim, rel=0.05)
    assert drawn.head[1:].mean(axis=0) == pytest.approx(drawn.shaft[-1])


def test_arrows_between_nodes_that_touch_still_point_the_right_way():
    drawn = arrow(np.array([[0.0, 0.0], [1.0, 0.0]]), 0.6, 0.6, 0.5)
    assert 0 < drawn.shaft[0, 0] < drawn.shaft[-1, 0] < drawn.head[0, 0] < 1


@pytest.mark.parametrize("name", ["fattree4", "nvl72", "dgx2", "torus8x8", "bigraph4x8", "leafspine4x4x2", "ring2"])
def test_nodes_do_not_touch(name):
    topology = load(name)
    distance = np.hypot(*(topology.coordinates[:, None] - topology.coordinates[None]).transpose(2, 0, 1))
    assert distance[~np.eye(topology.nodes, dtype=bool)].min() > 2.5 * node_radius(topology)


@pytest.mark.parametrize("name", ["fattree8", "leafspine8x8x4", "dragonfly2x4x2", "nvl8x4", "dgx-a100-x2", "switch64"])
def test_switches_are_seen_however_dense_hosts_are(name):
    topology = load(name)
    radii = node_radii(topology)
    distance = np.hypot(*(topology.coordinates[:, None] - topology.coordinates[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    hosts, switches = slice(0, topology.hosts), slice(topology.hosts, topology.nodes)
    assert radii[hosts].tolist() == [node_radius(topology)] * topology.hosts
    assert radii[-1] > 0.008 * np.ptp(topology.coordinates, axis=0).max()
    # Not even the corners of a square touch a host or another switch.
    assert (distance[switches, hosts].min() > radii[0] + 1.27 * radii[-1]).all()
    assert (distance[switches, switches].min() > 2 * 1.27 * radii[-1]).all()


def test_links_of_a_hypercube_that_begin_in_one_row_rise_to_different_heights():
    cube = load("hypercube64")
    gap = spacing(cube)
    row = [way(cube, 0, b, gap) - cube.coordinates[0] for b in (1, 4)]
    assert len({round(float(np.abs(line[:, 1]).max()), 3) for line in row}) == 2


@pytest.mark.parametrize("name", ["fattree4", "leafspine4x4x2", "bigraph4x8", "nvl4x2", "dragonfly1x2x1"])
def test_no_line_seems_to_end_at_a_switch_that_it_passes(name):
    topology = load(name)
    radii = node_radii(topology)
    shapes, links = link_shapes(topology)
    for line, link in zip(shapes, links, strict=True):
        along = np.concatenate([line[0] + share * (line[-1] - line[0]) for share in np.linspace(0, 1, 40)[:, None]]).reshape(
            -1, 2
        )
        points = along if len(line) == 2 else line
        for switch in set(range(topology.hosts, topology.nodes)) - {int(topology.source[link]), int(topology.target[link])}:
            assert np.hypot(*(points - topology.coordinates[switch]).T).min() > radii[switch]
