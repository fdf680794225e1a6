"""ASTRA-sim's system JSON: every key is honoured, noted or refused, and a published run is met."""

import json

import pytest

from collsim.cli.main import invoke
from collsim.collectives.algorithm import ALGORITHMS
from collsim.errors import CollsimError, FileFormatError
from collsim.interop.astra_system import ALGORITHMS as NAMES
from collsim.interop.astra_system import KEYS, read_astra_system
from collsim.network.config import NetworkConfig
from collsim.simulate import simulate
from collsim.topology import load

SYSTEM = {
    "scheduling-policy": "LIFO",
    "endpoint-delay": 10,
    "active-chunks-per-dimension": 1,
    "preferred-dataset-splits": 4,
    "all-reduce-implementation": ["ring"],
    "all-to-all-implementation": ["direct"],
    "collective-optimization": "localBWAware",
    "local-mem-bw": 50,
    "boost-mode": 0,
}


@pytest.fixture
def write(tmp_path):
    def writer(value):
        path = tmp_path / "system.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return writer


def test_what_becomes_of_each_key(write):
    found = read_astra_system(write(SYSTEM))
    assert dict(found.settings) == {"ejection_latency": "10ns", "reduction_rate": "16666666667B/s"}
    assert found.algorithms == {"all-reduce": "ring", "all-to-all": "direct"}
    said = {note.split()[0] for note in found.notes}
    assert said == set(SYSTEM)
    NetworkConfig().with_settings(found.settings)


def test_every_known_key_is_known_and_every_name_an_algorithm(write):
    values = {"local-mem-bw": 1.5} | {f"{name}-implementation": ["ring"] for name in ("all-reduce", "all-gather")}
    for key in KEYS:
        value = values.get(key, ["ring"] if key.endswith("implementation") else 1)
        read_astra_system(write({key: value}))
    assert all(name in ALGORITHMS for name in NAMES.values())


@pytest.mark.parametrize(
    "given, want",
    [
        (["ring", "ring"], "2d-ring"),
        (["ring", "direct"], "hierarchical"),
        (["oneDirect", "oneDirect"], "direct"),
        (["doubleBinaryTree"], "double-binary-tree"),
        (["halvingDoubling"], "halving-doubling"),
    ],
)
def test_algorithms_by_dimension(write, given, want):
    assert read_astra_system(write({"all-reduce-implementation": given})).algorithms == {"all-reduce": want}


def test_the_published_run_with_one_split(tmp_path, write):
    """s [2(n-1) floor(L + m/B) + (2n-1) e + 3(n-1) floor(m/M)] hits ASTRA-sim's 117,780 ns with s = 4; here s = 1.

    Its one endpoint delay more than there are messages in a row is not ours, nor are its floors.
    """
    (tmp_path / "net.yml").write_text("topology: [Ring]\nnpus_count: [8]\nbandwidth: [50]\nlatency: [500]\n")

    def published(splits):
        m = 2**20 / (splits * 8)
        return splits * (14 * int(500 + m / (50 * 2**30) * 1e9) + 15 * 10 + 21 * int(m / 50))

    assert published(4) == 117_780
    settings = dict(read_astra_system(write(SYSTEM)).settings) | {"packet_payload": "1MiB"}
    time = simulate(load(tmp_path / "net.yml"), "ring", size="1MiB", network=settings).result.time / 10**6
    assert time == pytest.approx(published(1) - 10, abs=14 + 21)


@pytest.mark.parametrize(
    "value, sentence",
    [
        ({"endpoint-dleay": 1}, "unknown key 'endpoint-dleay'. Did you mean 'endpoint-delay'?"),
        ({"endpoint-delay": -1}, "endpoint-delay: '-1' is not a whole number"),
        ({"endpoint-delay": 1.5}, "endpoint-delay: '1.5' is not a whole number"),
        ({"local-mem-bw": 0}, "local-mem-bw: '0' is not a rate"),
        ({"preferred-dataset-splits": 0}, "0 is not a number of splits"),
        ({"all-reduce-implementation": ["rong"]}, "unknown 'rong'. Did you mean 'ring'?"),
        ({"all-reduce-implementation": []}, "write the algorithm of each dimension"),
        ({"all-reduce-implementation-custom": ["x"]}, "custom algorithms are trace files"),
        ("[]", "is an object of keys"),
        ('{"endpoint-delay": 1,\n "endpoint-delay": 2}', "the key 'endpoint-delay' is stated twice"),
        ('{"endpoint-delay": 1,\n', "line 2, column 1: not JSON"),
    ],
)
def test_what_is_refused(write, value, sentence):
    with pytest.raises(FileFormatError) as caught:
        read_astra_system(write(value))
    assert sentence in str(caught.value)


def test_cut_off_anywhere(write):
    text = json.dumps(SYSTEM, indent=1)
    for end in range(len(text)):
        with pytest.raises(CollsimError):
            read_astra_system(write(text[:end]))


def test_on_the_command_line(write, capsys):
    assert invoke(["run", "--topo", "ring4", "--algo", "ring", "--network", str(write(SYSTEM)), "--engine", "analytic"]) == 0
    out = capsys.readouterr()
    assert "ejection_latency=10 ns" in out.out
    assert "Note: all-reduce-implementation ring is --algo ring for all-reduce." in out.err
