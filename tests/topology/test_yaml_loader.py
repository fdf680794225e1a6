"""YAML as files are read: aliases serve, bombs and keys stated twice do not."""

import pytest
import yaml

from collsim.errors import FileFormatError
from collsim.network.files import read_settings
from collsim.topology import load
from collsim.topology.yaml_loader import StrictLoader

BOMB = "".join(f"  b{k}: &b{k} [{', '.join([f'*b{k - 1}' if k else 'x'] * 9)}]\n" for k in range(30))


def read(text):
    return yaml.load(text, Loader=StrictLoader)


def test_aliases_and_merges_are_read():
    assert read("a: &a {x: 1, y: 2}\nb: {<<: *a, z: 3}\nc: [*a, *a]\n") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 2, "z": 3},
        "c": [{"x": 1, "y": 2}] * 2,
    }
    assert len(read("&a [1, 2]")) == 2
    assert read("") is None


def test_many_aliases_of_one_node_are_read():
    text = "a: &a {bandwidth: 1GB/s, latency: 1us}\nlinks: [" + ", ".join(["*a"] * 20_000) + "]\n"
    assert len(read(text)["links"]) == 20_000


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("hosts:\n" + BOMB, "line 1: not YAML: aliases make"),
        ("hosts: 2\nlinks: &a [*a]\n", "line 2: not YAML: an alias stands for what it is in"),
        ("a: 1\na: 2\n", "line 2: not YAML: key 'a' is stated twice"),
        ("npus_count:\n" + BOMB, "line 1: not YAML: aliases make"),
    ],
)
def test_bombs_are_refused(tmp_path, text, sentence):
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    with pytest.raises(FileFormatError) as caught:
        load(path)
    assert f"bomb.yaml, {sentence}" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_network_files_too(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("buffer:\n" + BOMB)
    with pytest.raises(FileFormatError, match=r"at line 1 \(aliases make"):
        read_settings(path)
    path.write_text("buffer: 1KiB\nbuffer: 2KiB\n")
    with pytest.raises(FileFormatError, match=r"at line 2 \(key 'buffer' is stated twice"):
        read_settings(path)
