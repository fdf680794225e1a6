"""Edge CSV: columns, cables, kinds, comments, and mistakes by line."""

import pytest

from collsim.errors import CollsimError
from collsim.topology import load


@pytest.fixture
def read(tmp_path):
    def reader(text, **settings):
        file = tmp_path / "net.csv"
        file.write_text(text)
        return load(file, **settings)

    return reader


def test_every_column(read):
    net = read(
        """# two hosts, one switch
source,target,bandwidth,latency,count,bidirectional,target_kind
a,sw,10GB/s,1us,,yes,switch

b,sw,200Gb/s,0,2,TRUE,
a,b,5,1ns,1,no,
"""
    )
    assert (net.name, net.names, net.hosts) == ("net", ("a", "b", "sw"), 2)
    names = [net.link_name(link) for link in range(net.links)]
    assert names == ["a->sw", "sw->a", "b->sw#0", "sw->b#0", "b->sw#1", "sw->b#1", "a->b"]
    assert net.bandwidth.tolist() == [10**10] * 2 + [25 * 10**9] * 4 + [5]
    assert net.latency.tolist() == [10**9] * 2 + [0] * 4 + [10**6]


def test_only_ends_are_needed_and_lines_are_directed(read):
    net = read("source,target\na,b\nb,a\n", bandwidth="1GB/s")
    assert (net.source.tolist(), net.bandwidth.tolist()) == ([0, 1], [10**9] * 2)


def test_columns_in_any_order_and_case_with_quotes_and_spaces(read):
    net = read('Latency, Target ,SOURCE\n1ns,"b, the second",a\n2ns,a,"b, the second"\n')
    assert net.names == ("a", "b, the second")
    assert net.latency.tolist() == [10**6, 2 * 10**6]


def test_windows_line_ends_and_byte_order_mark(tmp_path):
    (tmp_path / "w.csv").write_bytes("\ufeffsource,target,bidirectional\r\na,b,yes\r\n".encode())
    assert load(tmp_path / "w.csv").links == 2


def test_kind_may_come_on_a_later_line(read):
    net = read("source,target,bidirectional,source_kind\na,s,yes,\ns,b,yes,switch\n")
    assert net.names == ("a", "b", "s")


HEAD = "source,target,bandwidth,latency,count,bidirectional\n"


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "is empty"),
        ("# nothing\n", "only comments"),
        ("a,b\nb,a\n", "line 1: unknown key 'a'"),
        ("source,traget\na,b\n", "line 1: unknown key 'traget'. Did you mean 'target'"),
        ("source,bandwidth\na,5\n", "no column 'target'"),
        ("source,target,target\na,b,c\n", "names a column twice"),
        (HEAD + "a,b\n", "line 2 has 2 cells but the header has 6"),
        (HEAD + "a,b,1GB/s,1ns,1,yes\n,b,,,,\n", "line 3 has no source"),
        (HEAD + "a,b,0,1ns,1,yes\n", "line 2: The bandwidth '0' must be above zero"),
        (HEAD + "a,b,-5GB/s,1ns,1,yes\n", "line 2: The bandwidth '-5GB/s'"),
        (HEAD + "a,b,1GB,1ns,1,yes\n", "line 2: Unknown unit 'GB'"),
        (HEAD + "a,b,1GB/s,1,1,yes\n", "line 2: .* needs a unit"),
        (HEAD + "a,b,1GB/s,1ns,x,yes\n", "line 2: Cannot read count 'x'"),
        (HEAD + "a,b,1GB/s,1ns,1,both\n", "line 2: 'both' is neither yes nor no"),
        (HEAD + "a,a,1GB/s,1ns,1,yes\n", "line 2 joins 'a' to itself"),
        (HEAD + '"a,b,1GB/s,1ns,1,yes\n', "line 2"),
        (HEAD + "a,b,1GB/s,1ns,1,no\n", "disconnected"),
        (HEAD, "at least 2"),
        ("source,target,source_kind\na,b,swich\n", "line 2: unknown kind 'swich'. Did you mean 'switch'"),
        ("source,target,source_kind\na,b,switch\na,c,host\n", "line 3: node 'a' is a host, but .*line 2 calls it a switch"),
    ],
)
def test_mistakes_name_the_file_and_the_line(read, text, words):
    with pytest.raises(CollsimError, match=words) as refusal:
        read(text)
    assert "net.csv" in str(refusal.value)


def test_a_line_states_the_loss_of_its_links(tmp_path):
    file = tmp_path / "net.csv"
    file.write_text("source,target,loss,bidirectional\na,b,1e-6,yes\nb,a,,no\n")
    assert load(file).loss.tolist() == [1000, 1000, 0]
