"""ASTRA-sim's network YAML: published times, dimensions composed, units, and what is refused."""

import numpy as np
import pytest
from interop.fuzz import survives

from collsim.errors import CollsimError, FileFormatError, InvalidValue
from collsim.network.config import NetworkConfig
from collsim.network.message_time import lone_message
from collsim.topology import load
from collsim.topology.paths import shortest_path
from collsim.units import FS_PER_SECOND

NS = 10**6


@pytest.fixture
def read(tmp_path):
    def reader(topology, npus, bandwidth, latency):
        file = tmp_path / "net.yml"
        file.write_text(f"topology: {topology}\nnpus_count: {npus}\nbandwidth: {bandwidth}\nlatency: {latency}\n")
        return load(file)

    return reader


@pytest.mark.parametrize(
    "shape, unaware, aware",
    [("Ring", 21_031, 60_093), ("FullyConnected", 20_031, 20_031), ("Switch", 20_531, 40_062)],
)
def test_published_times_of_one_message(read, shape, unaware, aware):
    """Known answers of its two back ends: 1 MiB from NPU 1 to 4 of 16, 50 GB/s of 2^30 bytes, 500 ns a hop, floored ns."""
    net = read(f"[ {shape} ]", "[ 16 ]", "[ 50.0 ]", "[ 500.0 ]")
    links = [(int(net.bandwidth[k]), int(net.latency[k])) for k in shortest_path(net, 1, 4)]
    whole = NetworkConfig().with_settings({"packet_payload": "1MiB", "switching": "store-and-forward"})
    assert lone_message(2**20, links, whole).arrival // NS == aware
    small = lone_message(2**20, links, NetworkConfig().with_settings({"packet_payload": "1KiB"}))
    assert (small.arrival - small.heads) // NS == unaware


def test_one_dimension_is_the_family_of_that_name(read):
    for shape, name in (("Ring", "ring8"), ("FullyConnected", "full8"), ("Switch", "switch8")):
        net = read(f"[{shape}]", "[8]", "[25]", "[1.5]")
        want = load(name, bandwidth=25 * 2**30, latency="1.5ns")
        assert net.digest == want.digest
        assert "2^30" in net.about


def test_rings_are_a_torus_with_the_first_dimension_fastest(read):
    net = read("[Ring, Ring, Ring]", "[2, 4, 3]", "[100, 50, 25]", "[10, 20, 30]")
    assert (net.family, net.dims) == ("torus", (3, 4, 2))
    for k in range(net.links):
        a, b = int(net.source[k]), int(net.target[k])
        digits = [(i % 2, i // 2 % 4, i // 8) for i in (a, b)]
        (dim,) = [d for d in range(3) if digits[0][d] != digits[1][d]]
        assert net.bandwidth[k] == (100, 50, 25)[dim] * 2**30
        assert net.latency[k] == (10, 20, 30)[dim] * NS


def test_other_dimensions_are_a_graph(read):
    net = read("[FullyConnected, Switch]", "[4, 3]", "[200, 12.5]", "[5, 500]")
    assert (net.family, net.hosts, net.switches) == ("graph", 12, 4)
    assert net.links == 12 * 3 + 2 * 12
    inner = [(int(a), int(b)) for a, b in zip(net.source, net.target, strict=True) if max(a, b) < 12]
    assert all(a // 4 == b // 4 for a, b in inner)
    up = [k for k in range(net.links) if net.target[k] >= 12]
    assert sorted(int(net.source[k]) % 4 for k in up) == sorted(list(range(4)) * 3)
    assert {int(net.target[k]) - 12 for k in up if net.source[k] % 4 == 1} == {1}
    assert set(net.bandwidth[up].tolist()) == {int(12.5 * 2**30)}
    assert [level.name for level in net.levels] == ["dim0", "dim1"]
    assert np.isfinite(net.coordinates).all()
    assert len({tuple(at) for at in net.coordinates.tolist()}) == net.nodes


def test_a_dimension_of_one_adds_nothing(read):
    assert read("[Ring, Switch]", "[8, 1]", "[25, 1]", "[1, 1]").digest == read("[Ring]", "[8]", "[25]", "[1]").digest


def test_a_graph_runs(read):
    from collsim.simulate import simulate

    net = read("[Ring, Switch]", "[4, 2]", "[50, 25]", "[500, 1000]")
    outcome = simulate(net, "ring", size="1MiB", engine="analytic")
    assert outcome.result.time > 2**20 / (25 * 2**30) * FS_PER_SECOND


@pytest.mark.parametrize(
    "entries, sentence",
    [
        (("[Ring]", "[4, 4]", "[1]", "[1]"), "'npus_count' has 2 dimensions where topology has 1"),
        (("[Mesh]", "[4]", "[1]", "[1]"), "dimension 0: topology 'Mesh' is none of Ring, FullyConnected, Switch"),
        (("[Ring]", "[4.5]", "[1]", "[1]"), "npus_count '4.5' is not a number of NPUs"),
        (("[Ring]", "[4]", "[0]", "[1]"), "bandwidth 0 GB/s is not above zero"),
        (("[Ring]", "[4]", "[50GB/s]", "[1]"), "bandwidth '50GB/s' is not a number of GB/s"),
        (("[Ring]", "[4]", "[1]", "[-1]"), "latency '-1' is not a number of ns"),
        (("Ring", "[4]", "[1]", "[1]"), "'topology' is a list with an entry for each dimension"),
        (("[Ring]", "[4]", "[1]", "[1]\nlinks: 3"), "unknown key 'links'"),
        (("[Ring]", "[4]", "[1]", "[1]\ntopology-name: x"), "'topology-name' is of ASTRA-sim 1.0"),
        (("[FullyConnected, FullyConnected]", "[9999, 9999]", "[1, 1]", "[1, 1]"), "are more than the"),
        (("[Ring]", "[1]", "[1]", "[1]"), "has 1 host"),
    ],
)
def test_what_is_refused(read, entries, sentence):
    with pytest.raises(CollsimError) as caught:
        read(*entries)
    assert sentence in str(caught.value)
    assert "net.yml" in str(caught.value)


def test_another_bandwidth_is_refused(tmp_path, read):
    read("[Ring]", "[4]", "[1]", "[1]")
    with pytest.raises(InvalidValue, match="states the bandwidth of its links"):
        load(tmp_path / "net.yml", bandwidth="1GB/s")


def test_native_files_may_build_on_it(tmp_path, read):
    read("[Switch]", "[4]", "[1]", "[1]")
    (tmp_path / "slow.yaml").write_text("file: net.yml\nlinks:\n  - {between: [h0, s0], bandwidth: 1MB/s}\n")
    assert load(tmp_path / "slow.yaml").bandwidth.min() == 10**6


def test_hostile_files(tmp_path):
    path = tmp_path / "n.yml"
    text = "topology: [ Ring, Switch ]\nnpus_count: [ 3, 2 ]\nbandwidth: [ 50.0, 25.0 ]\nlatency: [ 500.0, 1.5 ]\n"
    assert survives(path, text) > 60
    bomb = "a: &a [x, x]\n" + "".join(
        f"b{i}: &b{i} [*{'a' if not i else f'b{i - 1}'}, *{'a' if not i else f'b{i - 1}'}]\n" for i in range(40)
    )
    path.write_text(f"npus_count: [2]\n{bomb}")
    with pytest.raises(FileFormatError):
        load(path)


def test_a_file_of_version_1_is_told_from_other_json(tmp_path):
    path = tmp_path / "torus.json"
    path.write_text('{"topology-name": "Torus2D", "dimensions-count": 2, "units-count": [8, 6], "link-bandwidth": [25, 25]}')
    with pytest.raises(
        FileFormatError, match=r"is a network of ASTRA-sim 1\.0; write topology, npus_count, bandwidth, latency"
    ):
        load(path)
