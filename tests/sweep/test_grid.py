"""Grids: what a file or a call lists becomes points, and what is wrong is told with its line and the nearest name."""

import pytest

from collsim.errors import CollsimError, FileFormatError, InvalidValue, UnknownName
from collsim.sweep.grid import Grid, make_grid, read_grid
from collsim.sweep.inputs import hash_of
from collsim.sweep.sweeping import make_plan
from collsim.topology import load

SMALL = {"topologies": "ring4", "engines": "analytic", "sizes": "64KiB"}


def values(grid, name):
    return dict(grid.axes)[name]


def written(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return path


def test_a_grid_is_the_product_of_its_lists_the_last_changing_fastest():
    grid = make_grid({"topologies": ["ring4", "ring3"], "sizes": "1KiB:4KiB:x2", "algorithms": ["ring", "direct"]})
    points = [(p.parameters["topology"], p.parameters["size"], p.parameters["algorithm"]) for p in grid.points()]
    assert len(grid) == len(points) == 12
    assert points == [(t, s, a) for t in ("ring4", "ring3") for s in (1024, 2048, 4096) for a in ("ring", "direct")]
    assert grid.varied == ("topology", "size", "algorithm")


def test_singular_and_plural_and_single_values_mean_the_same():
    one = make_grid({"topology": ["ring4"], "size": ["1KiB", "2KiB"], "algorithm": "ring"})
    other = make_grid({"topologies": "ring4", "sizes": [1024, 2048], "algorithms": ["ring"]})
    assert one == other


def test_a_value_listed_twice_is_one():
    assert values(make_grid(SMALL | {"sizes": ["1KiB", 1024, "1KiB:2KiB:x2"]}), "size") == (1024, 2048)


def test_many_values_are_looked_at_once_each():
    sizes = list(range(1, 100_001))
    assert len(make_grid(SMALL | {"sizes": [*sizes, *sizes]})) == 100_000


def test_what_points_have_in_common_is_worked_out_once(monkeypatch):
    made = []
    monkeypatch.setattr("collsim.sweep.inputs._case_inputs", lambda case: made.append(case) or {"case": len(made)})
    assert len(plan_of(sizes="1KiB:32KiB:x2", algorithms=["ring", "direct"], seeds=[1, 2])) == 24
    assert len(made) == 2


def test_bare_numbers_of_a_file_have_the_units_they_have_elsewhere(tmp_path):
    text = "topologies: ring4\nlatency: [0, 5ns]\nnetwork: {header: [0, 64], router_delay: 0, virtual_channels: 2}\n"
    grid = read_grid(written(tmp_path, text))
    assert values(grid, "latency") == (0, 5_000_000)
    assert values(grid, "network.header") == (0, 64)
    assert values(grid, "network.virtual_channels") == (2,)


def test_settings_of_the_network_are_axes_and_are_parsed():
    grid = make_grid(SMALL | {"network": {"header": [0, "64B"], "router_delay": "20ns", "buffer": ["auto", "8KiB"]}})
    assert values(grid, "network.header") == (0, 64)
    assert values(grid, "network.router_delay") == (20_000_000,)
    assert values(grid, "network.buffer") == ("auto", 8192)
    assert len(grid) == 4


def test_faults_are_lists_of_links_or_one_link_or_none():
    grid = make_grid(SMALL | {"fail": [None, "h0->h1", ["h0->h1", "h2->h3"]], "degrade": [{}, {"h0-h1": 0.5}, "h1-h2=0.25"]})
    assert values(grid, "fail") == ([], ["h0->h1"], ["h0->h1", "h2->h3"])
    assert values(grid, "degrade") == ({}, {"h0-h1": "0.5"}, {"h1-h2": "0.25"})


@pytest.mark.parametrize(
    "given, kind, words",
    [
        ({"topologies": "tours4x4"}, UnknownName, "torus4x4"),
        ({"topologies": "ring4", "algorithm": "multitre"}, UnknownName, "multitree"),
        ({"topologies": "ring4", "algoritms": "ring"}, UnknownName, "'algorithms'"),
        ({"topologies": "ring4", "network": {"headr": 0}}, UnknownName, "'header'"),
        ({"topologies": "ring4", "network": {"header": "64 parsecs"}}, InvalidValue, "header"),
        ({"topologies": "ring4", "network": ["header"]}, InvalidValue, "settings with their values"),
        ({"topologies": "ring4", "engines": "compild"}, UnknownName, "'compiled'"),
        ({"topologies": "ring4", "collective": "allreduce"}, CollsimError, "all-reduce"),
        ({"topologies": "ring4", "preset": "multitree-isca"}, UnknownName, "multitree-isca21"),
        ({"topologies": "ring4", "seeds": [0, "x"]}, InvalidValue, "seed"),
        ({"topologies": "ring4", "sizes": []}, InvalidValue, "no value of 'sizes'"),
        ({"topologies": "ring4", "size": 1, "sizes": 2}, InvalidValue, "'size' and 'sizes' mean the same"),
        ({"topologies": "ring4", "degrade": "h0-h1"}, InvalidValue, "LINK=SHARE"),
        ({"topologies": "ring4", "algorithm": [["ring"]]}, InvalidValue, "one value"),
        ({"workload": "rnu", "topologies": "ring4"}, UnknownName, "'run'"),
        ({}, InvalidValue, "needs topologies"),
    ],
)
def test_what_is_wrong_by_itself_is_refused_before_anything_runs(given, kind, words):
    with pytest.raises(kind, match=words):
        make_grid(given)


def test_a_grid_of_more_than_a_million_points_is_refused():
    with pytest.raises(InvalidValue, match=r"1,000,001 points \(1,000,001 seed\)"):
        Grid("run", (("seed", tuple(range(1_000_001))),))


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("topologies: ring4\nalgorithms:\n  - ring\n  - rung\n", 4, "Did you mean 'ring'"),
        ("topologies: ring4\nnetwork:\n  header: [0]\n  bufer: 1KiB\n", 4, "Did you mean 'buffer'"),
        ("topologies: ring4\nnetwork:\n  header:\n  - 0\n  - -3\n", 5, "header"),
        ("topologies: ring4\nsice: 1KiB\n", 2, "Did you mean"),
        ("topologies: ring4\nsizes: 1KiB\nsizes: 2KiB\n", 3, "stated twice"),
        ("topologies: [ring4\n", 2, "expected"),
        ("topologies: ring4\nsizes: 010\n", 2, "'010' is 8 in YAML"),
        ("topologies: ring4\nsizes:\n  - 1:30\n", 3, "'1:30' is 90 in YAML"),
        ("topologies: ring4\nworkload: traffic\nloads: 0:1:0.1\n", 3, "'0:1:0.1' is 60.1 in YAML"),
        ("topologies: ring4\nnetwork:\n  header: 010\n", 3, "'010' is 8 in YAML"),
        ("topologies: ring4\nlatency: [0, 5]\n", 2, "'5' needs a unit"),
        ("topologies: ring4\nnetwork:\n  router_delay: [0, 20]\n", 3, "'20' needs a unit"),
        ("topologies: ring4\nat: soon\n", 2, "TIME:LINK=RATE"),
        ("topologies: ring4\nat: [none, '5:h0->h1=0.5']\n", 2, "'5' needs a unit"),
        ("topologies: ring4\nat: '5ms:h0->h1=many'\n", 2, "Cannot read bandwidth 'many'"),
        ("topologies: ring4\ndegrade: {h0->h1: .nan}\n", 2, "nan"),
        ("topologies: ring4\ndegrade: h0->h1=50%\n", 2, "50%"),
        ("topologies: ring4\nplacements: [linear, none.txt]\n", 2, "neither linear, random:SEED nor a file"),
        ("topologies: ring4\nplacements: random:x\n", 2, "placement seed"),
        ("workload: dp\njitter: [0.1, .nan]\n", 2, "jitter 'nan'"),
    ],
)
def test_a_file_is_refused_with_its_line(tmp_path, text, line, words):
    path = written(tmp_path, text)
    with pytest.raises(FileFormatError, match=rf"study.yaml, line {line}: .*{words}"):
        read_grid(path)


@pytest.mark.parametrize(
    "text, words", [("", "states no sweep"), ("- ring4", "states no sweep"), ("sizes: 1KiB", "needs topologies")]
)
def test_a_file_without_a_sweep_is_refused(tmp_path, text, words):
    with pytest.raises(FileFormatError, match=words):
        read_grid(written(tmp_path, text))


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="No such file"):
        read_grid(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="not UTF-8"):
        read_grid(tmp_path / "binary.yaml")


STAR = """
from collsim.collectives.algorithm import Formula, algorithm
from collsim.collectives.algorithms.ring import ring as plain

@algorithm("{name}", title="t", source="s", needs="any", collectives=("all-reduce",), steps=Formula("?", lambda *_: None),
           volume=Formula("?", lambda *_: None), size_free=True, suits=("ring4",))
def mine(topology, collective, hosts, hint):
    return plain.function(topology, collective, hosts, hint)
"""


def plan_of(**given):
    return make_plan(make_grid(SMALL | given)).jobs


def test_paths_are_seen_from_the_file_and_shown_by_name(tmp_path):
    (tmp_path / "mine.py").write_text(STAR.format(name="mine"))
    (tmp_path / "box.yaml").write_text("family: ring4\n")
    grid = read_grid(written(tmp_path, "topologies: ./box.yaml\nalgorithms: ./mine.py\nengines: analytic\n"))
    (job,) = make_plan(grid).jobs
    assert job.work is not None
    assert (job.shown["topology"], job.shown["algorithm"]) == (load(tmp_path / "box.yaml").name, "mine.py:mine")


def test_the_key_of_a_point_depends_on_everything_that_changes_it_and_on_nothing_else(tmp_path):
    (base,) = plan_of(algorithm="ring")
    again = [
        *plan_of(algorithms=["ring"], seeds=0),
        *plan_of(algorithm="ring", network={"header": 0}),
        *plan_of(algorithm="ring", placement="linear", fail=[[]]),
    ]
    assert {job.key for job in again} == {base.key}
    others = [
        *plan_of(algorithm="ring", network={"header": "1B"}),
        *plan_of(algorithm="ring", seed=1),
        *plan_of(algorithm="ring", sizes="64KB"),
        *plan_of(algorithm="direct"),
        *plan_of(algorithm="ring", bandwidth="8GB/s"),
        *plan_of(algorithm="ring", latency="1ns"),
        *plan_of(algorithm="ring", degrade="h0-h1=0.5"),
        *plan_of(algorithm="ring", placement="random:1"),
        *plan_of(algorithm="ring", baseline="direct"),
        *plan_of(algorithm="ring", engines="simpy"),
        *plan_of(algorithm="ring", collective="all-gather"),
        *plan_of(algorithm="ring", at="1us:h0->h1=0.5"),
        *plan_of(algorithm="ring", topologies="mesh2x2"),
    ]
    assert len({job.key for job in [base, *others]}) == 1 + len(others)
    path = tmp_path / "mine.py"
    keys = set()
    for name in ("mine", "yours", "mine"):
        path.write_text(STAR.format(name=name) + f"# {len(keys)}\n")
        keys |= {job.key for job in plan_of(algorithm=str(path))}
    assert len(keys) == 3


def test_keys_are_the_same_in_every_process_and_version_of_python():
    known = "25a3cf206e81e31f169781fa489ff34dc661be856b91f7d7592552bdcdd95f36"  # sha256 of {"a":[null,0.5,"x"],"b":1}
    assert hash_of({"b": 1, "a": [None, 0.5, "x"]}) == known


def test_two_spellings_of_one_algorithm_are_one_point():
    plan = make_plan(make_grid(SMALL | {"algorithms": ["multitree:ports=1", "multitree: ports=1"]}))
    assert (len(plan.jobs), plan.twice) == (1, 1)


def test_a_combination_that_cannot_be_is_a_refused_point_and_not_an_error():
    grid = make_grid(
        SMALL | {"algorithm": "ring", "network": {"buffer": ["1KiB", "auto"], "packet_payload": ["4KiB", "512"]}}
    )
    reasons = [str(job.refused) if job.refused else None for job in make_plan(grid).jobs]
    assert [reason is None for reason in reasons] == [False, True, True, True]
    assert "smaller than a packet" in reasons[0]
    (cut,) = make_plan(make_grid(SMALL | {"fail": "h0->h2"})).jobs
    assert "h0->h2" in str(cut.refused)


def test_a_topology_made_in_python_is_a_value():
    machine = load("ring4", bandwidth="1GB/s")
    (job,) = make_plan(make_grid({"topologies": [machine], "sizes": "1KiB"})).jobs
    assert job.shown["topology"] == "ring4"
    assert job.inputs["topology_digest"] == machine.digest
