"""The Python API: what it explains, what it refuses, and that its page of documentation runs."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import collsim
from collsim.errors import InvalidValue, TopologyError, UnknownName
from collsim.simulate import prepare

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def outcome():
    return collsim.simulate("torus3x3", "multitree", size="64KiB", baseline="ring", network={"header": "64B"})


def test_the_parts_explain_each_other(outcome):
    value = outcome.to_dict()
    assert value["time_s"] == outcome.time_s
    assert outcome.algbw == pytest.approx(65536 / outcome.time_s)
    assert outcome.busbw == pytest.approx(outcome.algbw * 16 / 9)
    assert outcome.speedup == pytest.approx(outcome.baseline.time_s / outcome.time_s)
    assert 0 < outcome.percent_of_bound <= 100
    assert sum(outcome.critical_shares().values()) == pytest.approx(1)
    assert value["changed_settings"] == {"header": 64}
    assert value["bottleneck_link"]["use"] == pytest.approx(outcome.link_use.max())
    assert value["collsim_version"] == collsim.__version__
    assert value["link_table"]["busy_fs"] == outcome.result.link_busy.tolist()
    assert value["baseline"]["link_table"] is None


def test_frames_say_the_same_as_the_result(outcome):
    links, transfers = outcome.links(), outcome.transfers()
    assert len(links) == outcome.topology.links
    assert links.loc[outcome.bottleneck, "use"] == links.use.max()
    assert links.bytes.sum() == outcome.result.link_bytes.sum()
    assert len(transfers) == outcome.schedule.transfers
    assert transfers.finish_s.max() == pytest.approx(outcome.time_s)
    assert (transfers.finish_s >= transfers.ready_s).all()
    assert set(transfers.op) == {"reduce", "copy"}


def test_text_and_html_are_short_and_escaped(outcome):
    assert "speedup" in str(outcome)
    assert len(str(outcome).splitlines()) <= 8
    assert outcome._repr_html_().count("<tr>") == len(outcome.summary())
    machine = collsim.build("<b>", 2, [collsim.Link(0, 1, 10**9, 0), collsim.Link(1, 0, 10**9, 0)])
    assert "&lt;b&gt;" in collsim.simulate(machine, "ring", size=100)._repr_html_()


@pytest.mark.parametrize("algorithm", ["ring", "direct", "multitree"])
def test_nothing_beats_the_bound_and_engines_agree_on_order(algorithm):
    packet = collsim.simulate("torus3x3", algorithm, size="32KiB")
    formula = collsim.simulate("torus3x3", algorithm, size="32KiB", engine="analytic")
    assert packet.percent_of_bound <= 100
    assert formula.percent_of_bound <= 100
    assert packet.schedule.transfers == formula.schedule.transfers


def test_ring_time_is_the_textbook_formula():
    run = collsim.simulate("ring8", "ring", size=8 * 4096 * 16, bandwidth="16GB/s", latency="100ns")
    step = 100 * 10**6 + 16 * 4096 * 10**15 // (16 * 10**9)
    assert run.result.time == run.closed_form.time == 14 * step


def test_the_same_seed_gives_the_same_result():
    first, again, other = (
        collsim.simulate("torus4x4", "ring", size="16KiB", placement=f"random:{seed}") for seed in (3, 3, 4)
    )
    assert first.result.time == again.result.time
    assert np.array_equal(first.result.link_bytes, again.result.link_bytes)
    assert first.schedule.ranks_to_hosts.tolist() != other.schedule.ranks_to_hosts.tolist()


def test_groups_and_placements():
    run = collsim.simulate("switch8", "ring", hosts=[6, 1, 3], size="4KiB", engine="analytic")
    assert run.schedule.ranks_to_hosts.tolist() == [6, 1, 3]
    assert prepare("switch8", hosts=[6, 1, 3], placement="random:1").hosts != (6, 1, 3)
    assert set(prepare("switch8", hosts=[6, 1, 3], placement="random:1").hosts) == {6, 1, 3}
    assert prepare("ring4", placement=[2, 0, 1, 3]).hosts == (2, 0, 1, 3)


def test_faults_alter_the_machine():
    cut = collsim.simulate("torus3x3", "ring", size="4KiB", fail=["h0->h1"], degrade={"h1-h2": 0.25}, engine="analytic")
    assert cut.topology.links == 35
    assert sorted(set(cut.topology.bandwidth.tolist())) == [4 * 10**9, 16 * 10**9]
    assert len(cut.faults) == 2


def test_a_wrong_schedule_is_refused_before_it_is_timed():
    from collsim.collectives.collective import collective
    from collsim.errors import ScheduleError

    builder = collsim.ScheduleBuilder(collective("all-reduce"), "half", hosts=[0, 1], weights=[1])
    builder.add(step=0, src=0, dst=1, chunk=0, op=1)
    with pytest.raises(ScheduleError, match="rank 0"):
        collsim.simulate("ring2", builder.finish(), size="4KiB")


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"size": 0}, InvalidValue),
        ({"size": -1}, InvalidValue),
        ({"size": "1e30"}, InvalidValue),
        ({"root": 9, "collective": "broadcast"}, InvalidValue),
        ({"root": 1}, InvalidValue),
        ({"algorithm": "ring:segments=4"}, InvalidValue),
        ({"algorithm": "bidirectional-ring:segments=-1"}, InvalidValue),
        ({"hosts": [0, 0]}, InvalidValue),
        ({"hosts": [0]}, InvalidValue),
        ({"hosts": [0, 99]}, InvalidValue),
        ({"placement": [0, 1, 99]}, InvalidValue),
        ({"engine": "sympy"}, UnknownName),
        ({"network": {"heder": 4}}, UnknownName),
        ({"fail": ["h0-h9"]}, UnknownName),
        ({"fail": ["h0-h1", "h0-h3"]}, TopologyError),
    ],
)
def test_impossible_requests_are_refused(arguments, error):
    with pytest.raises(error):
        collsim.simulate("ring4", **{"algorithm": "ring", "size": "4KiB", **arguments})


def test_small_sizes_warn_about_empty_transfers():
    run = collsim.simulate("ring8", "ring", size=3, engine="analytic")
    assert "empty" in run.warnings[0]
    assert run.result.time > 0


def test_settings_that_an_engine_ignores_are_named():
    run = collsim.simulate("ring4", "ring", size="4KiB", engine="analytic", network={"nic_scheduler": "fifo"})
    assert "nic_scheduler" in run.warnings[0]
    sprayed = collsim.simulate("torus3x3", "direct", size="4KiB", engine="analytic", network={"routing": "spray"})
    assert "routing=spray" in sprayed.warnings[0]
    assert not collsim.simulate("torus3x3", "direct", size="4KiB", engine="analytic", network={"routing": "ecmp"}).warnings


def test_every_public_name_exists_and_importing_is_cheap():
    assert all(getattr(collsim, name) is not None for name in collsim.__all__)
    assert set(collsim.__all__) <= set(dir(collsim))
    with pytest.raises(AttributeError, match="simulat"):
        _ = collsim.simulat
    check = "import sys, collsim; print('numpy' in sys.modules, callable(collsim.simulate))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"


def test_simulate_stays_a_function_after_its_module_is_imported():
    import collsim.simulate

    assert callable(collsim.simulate)


def test_the_page_of_the_python_api_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8"), re.S)
    names = {}
    for block in blocks:
        exec(compile(block, "docs/python-api.md", "exec"), names)
    assert (tmp_path / "comparison.png").exists()
    assert "Did you mean" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, told",
    [
        (
            {"topology": ["torus4x4", "mesh4x4"]},
            r"topology \['torus4x4', 'mesh4x4'\] is neither.*collsim.sweep takes a list",
        ),
        ({"topology": 16}, "topology 16 is neither a name"),
        ({"algorithm": ["ring"]}, r"algorithm \['ring'\] is neither.*collsim.compare takes several"),
        ({"hosts": 5}, "hosts 5 are no list"),
        ({"hosts": "h0,h1"}, "hosts 'h0,h1' are no list"),
        ({"hosts": ["h0", "x1"]}, "host in hosts 'x1'"),
        ({"placement": [0, 1.5]}, "host in placement '1.5'"),
        ({"seed": "x"}, "seed 'x'; it is a whole number"),
        ({"root": "first", "collective": "broadcast"}, "root 'first'; it is a whole number"),
        ({"degrade": ["h0-h1=0.5"]}, "shares by name, like {'h0-h1': 0.5}"),
        ({"degrade": {"h0-h1": None}}, "'h0-h1'"),
        ({"fail": "h0-h9"}, "link 'h0-h9'"),
        ({"fail": "h0-"}, "'h0-' has one end; put names with '>' in quotes, like 'h0->h1'"),
        ({"network": ["header=64B"]}, "Settings of the network"),
    ],
)
def test_values_of_a_wrong_kind_are_told_with_the_cure(arguments, told):
    with pytest.raises(collsim.CollsimError, match=told):
        collsim.simulate(**{"topology": "torus3x3", "algorithm": "ring", "size": 1024, "engine": "analytic"} | arguments)


def test_one_link_needs_no_list_and_hosts_have_names():
    plain = {"size": 1024, "engine": "analytic"}
    one, many = (collsim.simulate("torus3x3", "ring", fail=fail, **plain) for fail in ("h0->h1", ["h0->h1"]))
    assert one.topology.digest == many.topology.digest
    named, numbered = (collsim.simulate("torus3x3", "ring", hosts=hosts, **plain) for hosts in (["h0", "h4"], [0, 4]))
    assert named.schedule.ranks_to_hosts.tolist() == numbered.schedule.ranks_to_hosts.tolist() == [0, 4]


def test_a_comparison_takes_text_as_the_command_does():
    found = collsim.compare("ring4", "ring,multitree", "1KiB,2KiB", engine="analytic")
    assert found.algorithms == ("ring", "multitree")
    assert found.best("2KiB") is found.best(2048)
    assert found.outcome("ring", "1KiB").size == 1024
    with pytest.raises(InvalidValue, match="Nothing was run at 4 MiB; sizes are 1 KiB, 2 KiB"):
        found.best("4MiB")
