"""GraphML: what networkx writes, hand-written files, and mistakes."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import CollsimError, FileFormatError
from collsim.topology import load, machines

HAND = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="k" for="node" attr.name="kind" attr.type="string"/>
  <key id="b" for="edge" attr.name="bandwidth" attr.type="string"/>
  <key id="l" for="edge" attr.name="latency" attr.type="string"/>
  <graph edgedefault="undirected">
    <node id="left"/><node id="right"/><node id="top"><data key="k">switch</data></node>
    <edge source="left" target="top"><data key="b">10GB/s</data><data key="l">1us</data></edge>
    <edge source="right" target="top"><data key="b">200Gb/s</data></edge>
  </graph>
</graphml>
"""


@pytest.fixture
def read(tmp_path):
    def reader(text, **settings):
        file = tmp_path / "net.graphml"
        file.write_text(text)
        return load(file, **settings)

    return reader


def test_hand_written_file(read):
    net = read(HAND, latency="5ns")
    assert (net.name, net.names, net.hosts) == ("net", ("left", "right", "top"), 2)
    assert net.bandwidth.tolist() == [10**10] * 2 + [25 * 10**9] * 2
    assert net.latency.tolist() == [10**9] * 2 + [5 * 10**6] * 2


def test_edgedefault_directed_is_one_way(read):
    with pytest.raises(CollsimError, match="disconnected"):
        read(HAND.replace("undirected", "directed"))


@pytest.mark.parametrize("name", [*machines(), "torus4x4", "ring2", "dragonfly2x2x1"])
def test_what_networkx_writes_reads_back_equal(tmp_path, name):
    there = load(name)
    nx.write_graphml(there.to_networkx(), tmp_path / "net.graphml")
    back = load(tmp_path / "net.graphml")
    for field in ("source", "target", "bandwidth", "latency", "forwards", "coordinates"):
        assert np.array_equal(getattr(there, field), getattr(back, field)), field
    assert (there.names, there.hosts) == (back.names, back.hosts)


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "is empty"),
        ("no xml", "line 1: not XML"),
        (HAND[:200], "not XML"),
        ("<a/>", "not GraphML"),
        (HAND.replace("200Gb/s", "0"), "edge right to top: The bandwidth '0' must be above zero"),
        (HAND.replace("1us", "1"), "needs a unit"),
        (HAND.replace('attr.name="bandwidth"', 'attr.name="bandwith"'), "Did you mean 'bandwidth'"),
        (HAND.replace(">switch<", ">swich<"), "unknown kind 'swich'. Did you mean 'switch'"),
        (HAND.replace('id="right"', 'id="left"'), "node 'left' is stated twice"),
        (HAND.replace('source="right"', 'source="rihgt"'), "edge 2 has the source 'rihgt'.*Did you mean 'right'"),
        (HAND.replace('source="right"', ""), "edge 2 has the source 'None'"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + HAND.split("\n", 1)[1], "document type"),
    ],
)
def test_mistakes_name_the_file(read, text, words):
    with pytest.raises(CollsimError, match=words) as refusal:
        read(text)
    assert "net.graphml" in str(refusal.value)


@given(cut=st.integers(1, len(HAND) - 12))
def test_truncated_files_never_crash(cut, tmp_path_factory):
    file = tmp_path_factory.mktemp("cut") / "x.graphml"
    file.write_text(HAND[:cut])
    with pytest.raises(FileFormatError, match=r"x\.graphml"):
        load(file)
