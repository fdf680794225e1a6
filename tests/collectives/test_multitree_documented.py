"""docs/multitree.md: its example prints what it says, its table of steps and its options are those of the code."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

import collsim
from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.tree_growth import grow
from collsim.collectives.trees import least_steps
from collsim.topology import load

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "multitree.md").read_text()
ROWS = re.findall(r"^\| ([a-z0-9-]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)


def test_the_example_prints_what_the_page_says():
    code, printed = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", TEXT, re.DOTALL).groups()
    out = StringIO()
    with redirect_stdout(out):
        exec(compile(code, "multitree.md", "exec"), {})
    assert out.getvalue() == printed


@pytest.mark.parametrize("name, ranks, any_tree, authors, least", ROWS)
def test_the_table_of_steps(name, ranks, any_tree, authors, least):
    topology = load(name)
    hosts = range(topology.hosts)
    found = (
        len(hosts),
        grow(topology, hosts).steps,
        grow(topology, hosts, termination="authors").steps,
        least_steps(topology),
    )
    assert found == tuple(map(int, (ranks, any_tree, authors, least)))


def test_the_table_has_the_machines_of_the_paper():
    assert {"torus4x4", "torus8x8", "mesh4x4", "mesh8x8", "fattree4x2", "fattree8x2", "bigraph4x8"} <= {r[0] for r in ROWS}


def test_every_option_is_on_the_page():
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == set(ALGORITHMS.get("multitree").options)


PIECES = re.findall(r"^\| ([a-z0-9]+) ((?:\| \d+ / \d+ / \d+ ){5})\|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("name, cells", PIECES)
def test_the_table_of_pieces(name, cells):
    topology = load(name)
    for chunks, cell in zip((1, 2, 4, 8), cells.strip("| ").split(" | "), strict=False):
        steps = [grow(topology, range(topology.hosts), chunks=chunks, turns=turns).steps for turns in ("roots", "smallest")]
        assert [*steps, least_steps(topology, chunks=chunks)] == [int(number) for number in cell.split(" / ")]


def test_the_table_of_pieces_is_read():
    assert len(PIECES) == 4


THEIRS_AND_OURS = [
    (network, scheme, kibibytes, ours)
    for network, scheme, cells in re.findall(r"^\| (\w+) \| ([A-Z0-9-]+) \| ((?:[\d./ -]+\|){4})$", TEXT, re.MULTILINE)
    for kibibytes, cell in zip((32, 128, 512, 2048), cells.split("|"), strict=False)
    for ours in re.findall(r"/ ([\d.]+)", cell)
]
WAYS = dict(re.findall(r"^\| ([A-Z0-9-]+) \| `([\w:=-]+)` \|", TEXT, re.MULTILINE))


@pytest.mark.parametrize("network, scheme, kibibytes, ours", THEIRS_AND_OURS)
def test_the_table_beside_the_authors_simulator(network, scheme, kibibytes, ours):
    settings = {"packet_payload": 256, "header": 16, "arbitration": "lowest-step", "ports": 0 if scheme == "2D-RING" else 1}
    if network != "bigraph4x8":
        settings |= {"injection_latency": "1ns", "ejection_latency": "1ns"}
    run = collsim.simulate(network, WAYS[scheme], size=kibibytes * 1024, network=settings, engine="compiled")
    assert f"{kibibytes * 1e15 / 2**20 / run.result.time:.2f}" == ours


def test_the_tables_of_baselines_are_read():
    assert len(THEIRS_AND_OURS) == 29
    assert set(WAYS) == {"RING", "DBTREE", "2D-RING", "HDRM", "MULTITREE"}


BEYOND = [
    (machine, algorithm, cell)
    for machine, *cells in re.findall(r"^\| ([a-z0-9-]+) \|" + r" ([^|]*%\)|alike) \|" * 5 + "$", TEXT, re.MULTILINE)
    for algorithm, cell in zip(
        re.search(r"^\| all-reduce \| (.*) \|$", TEXT, re.MULTILINE)[1].split(" | "), cells, strict=True
    )
    if cell != "alike"
]


def test_the_table_beyond_the_paper_is_read():
    assert len(BEYOND) == 3 * 3 + 5


@pytest.mark.slow
@pytest.mark.parametrize("machine, algorithm, cell", BEYOND)
def test_the_table_beyond_the_paper(machine, algorithm, cell):
    options = algorithm.strip("`").removeprefix("multitree")
    size = 2**24 if machine == "dgx-a100-x2" else 2**30
    run = collsim.simulate(machine, f"multitree:{options}".rstrip(":"), size=size, engine="compiled")
    digits = ".3f" if machine == "dgx-a100-x2" else ".2f"
    assert cell == f"{run.result.time / 1e12:{digits}} ({run.percent_of_bound:.1f} %)"


@pytest.mark.slow
def test_a_torus_with_a_failed_link():
    run = collsim.simulate("torus8x8", "multitree", size=2**30, fail=["h0->h1"], engine="compiled")
    assert f"{run.result.time / 1e12:.2f} ms, {run.percent_of_bound:.1f} % of" in TEXT.replace("\n", " ")


def test_what_is_said_about_single_numbers():
    grown = grow(load("torus4x4"), range(16), ports=1)
    assert grown.steps == 15
    settings = {"packet_payload": 256, "header": 16, "injection_latency": "1ns", "ejection_latency": "1ns"}
    for overhead, more in (("0ns", 152), ("15.5ns", 167.5)):
        network = settings | {"message_overhead": overhead}
        run = collsim.simulate("torus4x4", WAYS["RING"], size=16 * 8 * 256, network=network, engine="compiled")
        assert run.result.time == 30 * (more + 17 * 8) * 10**6


@pytest.mark.parametrize(
    "way, arbitration, cycles",
    [
        ("2d-ring-isca21", "lowest-step", "4,386,921"),
        ("2d-ring-isca21", "round-robin", "6,560,043"),
        ("double-binary-tree", "lowest-step", "8,780,169"),
        ("double-binary-tree", "round-robin", "7,726,571"),
    ],
)
def test_cycles_on_the_mesh_of_tto(way, arbitration, cycles):
    assert cycles in TEXT
    network = {"packet_payload": 8192, "header": 512, "arbitration": arbitration}
    machine = {"bandwidth": 512 * 10**9 // 21, "latency": "21ns"}
    run = collsim.simulate("mesh4x4", way, size=2**26, network=network, engine="compiled", **machine)
    assert f"{run.result.time / 1e6:,.0f}" == cycles
