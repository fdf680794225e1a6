"""What `load` takes: names of families and machines, paths, topologies; what it answers to names that do not exist."""

import time
from pathlib import Path

import pytest

from collsim.errors import FileFormatError, InvalidValue, TopologyError, UnknownName
from collsim.topology import load, machines


@pytest.mark.parametrize(
    "name,guess",
    [
        ("tours4x4", "torus4x4"),
        ("Torus4x4", "torus4x4"),
        ("rnig8", "ring8"),
        ("hypercub16", "hypercube16"),
        ("fat-tree4", "fattree4"),
        ("torus", "torus4x4"),
        ("torus4x", "torus4"),
        ("dgx-a10", "dgx-a100"),
        ("dgx_a100", "dgx-a100"),
        ("dragonfly2*4*2", "dragonfly2x4x2"),
        ("nlv72", "nvl72"),
        ("4x4", "torus4x4"),
    ],
)
def test_unknown_names_get_the_nearest(name, guess):
    with pytest.raises(UnknownName) as refusal:
        load(name)
    assert f"'{name}'" in str(refusal.value)
    assert f"Did you mean '{guess}'?" in str(refusal.value)


@pytest.mark.parametrize("name", ["", "   ", "42", "xyzzy", "torus4x4,", "ring8 ring8", "🙂"])
def test_hopeless_names_list_what_exists(name):
    with pytest.raises(UnknownName, match="dgx-a100"):
        load(name)


def test_sizes_beyond_all_machines_are_called_so():
    with pytest.raises(TopologyError, match="9 digits"):
        load("torus99999999999999999999x4")
    with pytest.raises(TopologyError, match="4,000,000 links"):
        load("torus1000x1000")


def test_digits_of_other_scripts_are_no_sizes():
    with pytest.raises(UnknownName):
        load("ring\uff12")


def test_a_missing_file_is_told_what_to_do(tmp_path):
    with pytest.raises(FileFormatError, match="Check the path"):
        load(str(tmp_path / "none.yaml"))
    (tmp_path / "rack.yaml").write_text("family: ring4")
    with pytest.raises(FileFormatError, match=r"Did you mean '.*rack.yaml'"):
        load(str(tmp_path / "rak.yaml"))


def test_topology_passes_through():
    torus = load("torus4x4")
    assert load(torus) is torus
    with pytest.raises(InvalidValue, match="finished topology"):
        load(torus, bandwidth="1GB/s")


def test_surrounding_space_and_integers_are_understood():
    assert load(" torus4x4 ", bandwidth=5, latency=7).bandwidth[0] == 5
    assert load("torus4x4", latency=7).latency[0] == 7


@pytest.mark.parametrize("keywords", [{"bandwidth": "0"}, {"bandwidth": "-1GB/s"}, {"latency": "5"}, {"latency": -5}])
def test_bad_quantities_are_refused(keywords):
    with pytest.raises(InvalidValue):
        load("ring8", **keywords)


def test_paths_work_as_text_and_as_paths(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("family: ring4\n")
    for given in (file, str(file)):
        assert load(given).name == "mine"


def test_relative_path_without_a_slash_is_found(tmp_path, monkeypatch):
    (tmp_path / "mine.yml").write_text("family: ring4\n")
    monkeypatch.chdir(tmp_path)
    assert load("mine.yml").hosts == 4


@pytest.mark.parametrize("name,words", [("nowhere.yaml", "no file"), ("a/b", "no file"), ("nowhere.json", "no file")])
def test_missing_files_are_named(name, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileFormatError, match=words) as refusal:
        load(name)
    assert name in str(refusal.value)


def test_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "cluster.yaml").write_text("family: ring4\n")
    with pytest.raises(FileFormatError, match=r"Did you mean .*cluster\.yaml"):
        load(tmp_path / "clutser.yaml")


def test_folder_and_unknown_suffix_are_named(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder"):
        load(tmp_path)
    (tmp_path / "x.toml").write_text("a = 1")
    with pytest.raises(FileFormatError, match=r"unknown suffix '\.toml'.*\.csv.*\.graphml.*\.json.*\.yaml"):
        load(tmp_path / "x.toml")


def test_machines_are_known_by_their_files():
    folder = Path(__file__).resolve().parents[2] / "topologies"
    assert list(machines()) == sorted(path.stem for path in folder.glob("*.yaml"))


@pytest.mark.parametrize("name", ["torus64x64", "torus32x32", "fattree16", "dragonfly4x8x4", "switch1024"])
def test_thousand_hosts_are_built_and_checked_in_under_a_second(name):
    load("ring2")
    start = time.process_time()
    assert load(name).hosts >= 1024
    assert time.process_time() - start < 1
