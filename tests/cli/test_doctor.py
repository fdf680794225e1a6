"""`collsim doctor`: true of the machine it runs on, and each thing that is wrong told with its cure."""

import json
import os
import pickle
import re
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numba
import pytest

import collsim
from collsim.cli import doctor_checks
from collsim.cli.main import invoke
from collsim.jit import cache

PACKAGE = Path(collsim.__file__).parent


def findings(capsys):
    """Run the doctor and return (exit code, {what: (text, wrong)})."""
    code = invoke(["doctor", "--json", "-"])
    value = json.loads(capsys.readouterr().out)
    assert value["wrong"] == sum(f["wrong"] for f in value["findings"])
    return code, {f["what"]: (f["text"], f["wrong"]) for f in value["findings"]}


def test_it_tells_what_is_installed_and_that_engines_agree(capsys):
    code, found = findings(capsys)
    assert code == 0
    assert collsim.__version__ in found["collsim"][0]
    assert f"numba {numba.__version__}" in found["Packages"][0]
    assert "closed form of a ring" in found["Self-check"][0]
    assert invoke(["doctor"]) == 0
    assert "all is well" in capsys.readouterr().out


def test_what_is_missing_or_too_old_is_told_with_its_cure(capsys, monkeypatch):
    monkeypatch.setattr(
        doctor_checks, "requires", lambda _: ["no-such-package>=1", "click>=99", "numpy>=1.0", "x>=1; extra == 'y'"]
    )
    code, found = findings(capsys)
    assert code == 1
    assert re.fullmatch(r"click [\d.]+ is older than 99; run: pip install --upgrade 'click'", found["Packages"][0])
    assert found["Extra y"] == ("not installed (x is missing); pip install 'collsim[y]'", False)


def test_a_plug_in_that_does_not_load_is_named(capsys, monkeypatch):
    points = EntryPoints([EntryPoint("star", "no_such_module:star", "collsim.algorithms")])
    monkeypatch.setattr(doctor_checks, "entry_points", lambda: points)
    code, found = findings(capsys)
    assert code == 1
    assert "star does not load (ModuleNotFoundError" in found["Plug-in"][0]


def test_a_cold_cache_is_no_fault_and_one_that_cannot_be_written_is(capsys, monkeypatch, tmp_path):
    cache.cache_directory.cache_clear()
    try:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        code, found = findings(capsys)
        assert code == 0
        assert all("cold" in found[f"Kernels, {work}"][0] for work in ("message trains", "packets", "large schedules"))
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
        cache.cache_directory.cache_clear()
        code, found = findings(capsys)
        assert code == 1
        assert "XDG_CACHE_HOME" in found["Cache"][0]
    finally:
        cache.cache_directory.cache_clear()


def test_a_damaged_cache_is_told(capsys, monkeypatch, tmp_path):
    cache.cache_directory.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        folder = cache.cache_directory(PACKAGE / "engines" / "compiled")
        (folder / "half.nbi").write_bytes(b"\x80")
        (folder / "empty.nbi").touch()
        assert cache.looked_at(PACKAGE / "engines" / "compiled") == (0, 2)
        code, found = findings(capsys)
    finally:
        cache.cache_directory.cache_clear()
    assert code == 0
    assert found["Kernels, packets"][0].startswith("cold, 0 compiled, 2 damaged: compiled anew")


def test_a_kernel_of_several_copies_of_the_package_counts_once(monkeypatch, tmp_path):
    cache.cache_directory.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        folder = cache.cache_directory(PACKAGE / "engines" / "compiled")
        for place in ("one", "two"):
            (folder / place).mkdir()
            index = pickle.dumps(numba.__version__) + pickle.dumps(("stamp", {"key": "kernel.1.nbc"}))
            (folder / place / "kernel.nbi").write_bytes(index)
            (folder / place / "kernel.1.nbc").write_bytes(pickle.dumps("code"))
        assert cache.looked_at(PACKAGE / "engines" / "compiled") == (1, 0)
        (folder / "two" / "kernel.1.nbc").unlink()
        assert cache.looked_at(PACKAGE / "engines" / "compiled") == (1, 1)
    finally:
        cache.cache_directory.cache_clear()


def test_kernels_of_another_numba_do_not_count(monkeypatch, tmp_path):
    cache.cache_directory.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        folder = cache.cache_directory(PACKAGE / "engines" / "compiled")
        (folder / "other.nbi").write_bytes(pickle.dumps("0.1") + b"what no other version reads")
        assert cache.looked_at(PACKAGE / "engines" / "compiled") == (0, 0)
    finally:
        cache.cache_directory.cache_clear()


def test_what_cannot_be_looked_at_is_told_and_the_rest_goes_on(capsys, monkeypatch):
    def broken():
        raise ImportError("no numba here")
        yield

    monkeypatch.setattr(doctor_checks, "cache_findings", broken)
    code, found = findings(capsys)
    assert code == 1
    assert found["Cache"] == (
        "cannot be looked at (ImportError: no numba here); reinstall collsim and what it needs",
        True,
    )
    assert "Self-check" in found


@pytest.mark.slow
def test_warm_compiles_every_kernel_and_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path):
    (tmp_path / "file").write_text("in the way")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-m", "collsim", "doctor", "--warm"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "cold" not in done.stdout
    assert done.stderr.count(f"{tmp_path}/file/collsim cannot be written") == 3
    compiled = {path.name.partition("-")[0].rpartition(".")[2] for path in tmp_path.rglob("*.nbi")}
    written = set()
    for source in PACKAGE.rglob("*.py"):
        written |= set(re.findall(r"^@kernel\ndef (\w+)", source.read_text(), re.MULTILINE))
    assert compiled == written
