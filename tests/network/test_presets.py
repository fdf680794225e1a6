"""Presets: every setting is a leaf with a reason, the page names them all, and the numbers are those of the study."""

import re
from math import ceil
from pathlib import Path

import pytest

import collsim
from collsim.cli.main import invoke
from collsim.errors import UnknownName
from collsim.network.config import LEAVES, NetworkConfig
from collsim.network.message_time import reduction_fs
from collsim.network.preset import preset, presets

NS = 10**6
PAGE = (Path(__file__).parents[2] / "docs" / "presets.md").read_text()
STUDY = NetworkConfig.preset("multitree-isca21")


@pytest.mark.parametrize("name", presets())
def test_every_setting_is_a_leaf_with_a_reason(name):
    found = preset(name)
    assert f"| `{name}` |" in PAGE
    assert found.title
    assert found.source
    assert found.fits
    for setting in found.settings:
        assert setting.leaf in LEAVES
        assert setting.why
    stated = {leaf: getattr(part, leaf) for leaf, part in ((k, getattr(found.network(), LEAVES[k])) for k in found.values)}
    assert found.network().changed().items() <= stated.items()


def test_the_page_names_nothing_else():
    assert set(re.findall(r"^\| `([a-z0-9-]+)`", PAGE, re.MULTILINE)) == set(presets())


def test_the_settings_of_the_multitree_study():
    assert STUDY.changed() == {
        "packet_payload": 256,
        "header": 16,
        "router_delay": 2 * NS,
        "virtual_channels": 4,
        "buffer": 318 * 16,
        "arbitration": "lowest-step",
        "nic_scheduler": "lockstep",
        "lockstep_estimate": "multitree-isca21",
        "ports": 4,
        "injection_latency": NS,
        "ejection_latency": NS,
        "reduction_rate": 128 * 10**9,
        "reduction_units": 1,
        "reduction_quantum": 2048,
    }
    behind_switches = NetworkConfig.preset("multitree-isca21-switch").leaves()
    different = {"ports": 1, "injection_latency": 0, "ejection_latency": 0}
    assert behind_switches == STUDY.leaves() | different


@pytest.mark.parametrize("values", [1, 15, 16, 17, 511, 512, 513, 1024, 1025, 100_000, 393_216])
def test_reductions_take_the_cycles_of_the_study(values):
    assert reduction_fs(4 * values, STUDY) == ceil(ceil(values / 16) / 32) * 16 * NS


def test_an_unknown_preset_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="'multitree-isca21'"):
        NetworkConfig.preset("multitree-isca2021")
    assert invoke(["run", "--topo", "torus4x4", "--preset", "multitree"]) == 2


@pytest.mark.parametrize(
    "topo, name",
    [("torus4x4", "multitree-isca21"), ("mesh4x4", "multitree-isca21"), ("fattree4x2", "multitree-isca21-switch"),
     ("bigraph4x4", "multitree-isca21-switch")],
)  # fmt: skip
@pytest.mark.parametrize("flow_control", ["credit", "message"])
@pytest.mark.parametrize("algorithm", ["multitree", "ring"])
def test_both_engines_run_under_it(topo, name, flow_control, algorithm):
    network = NetworkConfig.preset(name).with_settings({"flow_control": flow_control})
    one, other = (
        collsim.simulate(topo, algorithm, size="64KiB", network=network, engine=engine) for engine in ("simpy", "compiled")
    )
    assert one.result.message_finish.tolist() == other.result.message_finish.tolist()


def test_commands_take_presets_and_settings_win_over_them(capsys, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("header: 32B\nrouter_delay: 5ns\n")
    words = ("run", "--topo", "torus4x4", "--size", "16KiB", "--engine", "analytic", "--preset", "multitree-isca21")
    assert invoke([*words, "--network", str(path), "--set", "router_delay=7ns"]) == 0
    settings = re.search(r"^Settings .*$", capsys.readouterr().out, re.MULTILINE)[0]
    for part in ("packet_payload=256 B", "header=32 B", "router_delay=7 ns", "buffer=5088 B"):
        assert part in settings


def test_traffic_takes_presets(capsys):
    words = ("traffic", "--topo", "torus3x3", "--pattern", "uniform", "--loads", "0.1", "--preset", "multitree-isca21")
    assert invoke([*words, "--warmup", "100", "--measure", "200", "--json", "-"]) == 0
    assert '"virtual_channels": 4' in capsys.readouterr().out


def test_show_prints_every_setting_with_its_reason(capsys):
    assert invoke(["preset", "show", "multitree-isca21-switch"]) == 0
    out = capsys.readouterr().out
    for setting in preset("multitree-isca21-switch").settings:
        assert re.search(rf"^{setting.leaf} +{re.escape(setting.value)} +{re.escape(setting.why)}$", out, re.MULTILINE)
    assert invoke(["preset", "list"]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]} == set(presets())


def test_simulate_takes_a_name():
    run = collsim.simulate("torus4x4", "multitree", size="16KiB", network="multitree-isca21", engine="analytic")
    assert run.network == STUDY
