"""Real machines: each loads, states its source, and has the rates its maker published."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from collsim.errors import InvalidValue
from collsim.network.preset import presets
from collsim.topology import load, machines

ROOT = Path(__file__).resolve().parents[2]
GB = 10**9
# name: hosts, switches, bytes/s out of a host
RATES = {
    "dgx1-v100": (8, 0, 150 * GB),
    "dgx2": (16, 1, 150 * GB),
    "dgx-a100": (8, 1, 300 * GB),
    "dgx-a100-x2": (16, 3, 325 * GB),
    "hgx-h100": (8, 1, 450 * GB),
    "nvl72": (72, 1, 900 * GB),
    "gaudi2": (8, 0, 262_500_000_000),
    "gaudi3": (8, 0, 525 * GB),
    "tpu-v3-32": (32, 0, 328 * GB),
    "eflops-bigraph": (32, 8, 12_500_000_000),
    "cray-dragonfly": (144, 36, 25 * GB),
}


def test_every_machine_is_checked_here():
    assert set(machines()) == set(RATES)


@pytest.mark.parametrize("name", RATES)
def test_machine_has_its_published_rates(name):
    machine = load(name)
    hosts, switches, rate = RATES[name]
    assert (machine.name, machine.hosts, machine.switches) == (name, hosts, switches)
    out = np.bincount(machine.source, weights=machine.bandwidth, minlength=machine.nodes)[:hosts]
    into = np.bincount(machine.target, weights=machine.bandwidth, minlength=machine.nodes)[:hosts]
    assert set(out.tolist()) == set(into.tolist()) == {rate}


@pytest.mark.parametrize("name", RATES)
def test_machine_states_source_and_assumptions(name):
    document = yaml.safe_load((ROOT / "topologies" / f"{name}.yaml").read_text())
    assert len(document["source"]) > 60
    assert len(document["assumptions"]) > 20
    assert load(name).about == document["about"]


def test_dgx1_has_single_and_double_nvlinks():
    machine = load("dgx1-v100")
    count = np.zeros((8, 8), dtype=int)
    np.add.at(count, (machine.source, machine.target), 1)
    assert (count == count.T).all()
    assert sorted(count[0].tolist()) == [0, 0, 0, 0, 1, 1, 2, 2]
    assert int((count > 0).sum()) == 32
    assert set(machine.bandwidth.tolist()) == {25 * GB}


def test_dgx1_all_gather_optimum_of_single_hosts_is_48_sevenths_of_an_nvlink():
    machine = load("dgx1-v100")
    least = np.bincount(machine.source, weights=machine.bandwidth).min()
    assert least * 8 / 7 == pytest.approx(48 / 7 * 25 * GB)


def test_override_is_refused_with_the_cure():
    with pytest.raises(InvalidValue, match=r"states the bandwidth of its links.*leave it out"):
        load("dgx-a100", bandwidth="1GB/s")
    with pytest.raises(InvalidValue, match="states the latency"):
        load("tpu-v3-32", latency="1us")


def test_dragonfly_cables_differ_by_length():
    machine = load("cray-dragonfly")
    assert machine.family == "dragonfly"
    assert np.unique(machine.latency, return_counts=True)[1].tolist() == [288, 108, 72]


@pytest.mark.slow
def test_built_wheel_holds_the_machines_and_presets(tmp_path):
    source = tmp_path / "source"
    for part in ("collsim", "topologies"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source / part)
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    assert {f"collsim/machines/{name}.yaml" for name in RATES} <= set(held)
    assert {f"collsim/network/presets/{name}.yaml" for name in presets()} <= set(held)
