"""How the program starts: nothing heavy for help, a word before it compiles, and no harm from Ctrl-C while it does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import collsim
from collsim.cli.notices import KERNELS, compile_notice
from collsim.jit import cache
from collsim.jit.notice import COMPILING, WAITING

RUN = ("run", "--topo", "torus4x4", "--algo", "multitree")
HEAVY = ("matplotlib", "networkx", "numba", "numpy", "pandas", "rich", "scipy", "simpy", "yaml")
PACKAGE = Path(collsim.__file__).parent


def loaded(*words):
    """The heavy packages, and parts of them, that a command imports."""
    code = (
        "import sys; from collsim.cli.main import invoke; code = invoke(sys.argv[1:]); "
        "print(code, *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    code, *modules = done.stderr.split()
    assert code == "0"
    return {module for module in modules if module.split(".")[0] in HEAVY}


HELP = [("--help",), ("run", "--help"), ("compare", "--help"), ("sweep", "--help"), ("--version",)]


@pytest.mark.parametrize("words", HELP)
def test_help_imports_nothing_heavy(words):
    assert not loaded(*words)


@pytest.mark.parametrize(
    ("engine", "needs"),
    [("compiled", {"numba", "numpy", "scipy", "yaml"}), ("simpy", {"numpy", "simpy"}), ("analytic", {"numpy"})],
)
def test_a_run_imports_what_it_needs(engine, needs):
    """numba itself imports scipy and yaml where it finds them."""
    modules = loaded("run", "--topo", "torus3x3", "--size", "4KiB", "--engine", engine)
    assert {module.split(".")[0] for module in modules} <= needs
    assert "scipy.sparse" not in modules


def start(directory, *words, **more):
    environment = os.environ | {"XDG_CACHE_HOME": str(directory)} | more
    # Shells start background jobs with SIGINT ignored, and a test run in one would hand that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-m", "collsim", *words], env=environment, **pipes)
    signal.signal(signal.SIGINT, before)
    return process


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.mark.slow
def test_the_first_run_says_that_it_compiles_and_survives_ctrl_c(tmp_path):
    process = start(tmp_path, *RUN)
    assert process.stderr.readline().startswith("Note: compiling the simulation kernels for message trains, once")
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "", "Error: Interrupted; nothing was left half-written.\n")
    code, first, err = finish(start(tmp_path, *RUN))
    assert code == 0
    assert err.startswith("Note: compiling the simulation kernels for message trains, once")
    assert err.count("\n") == 1
    assert finish(start(tmp_path, *RUN)) == (0, first, "")


def test_the_notice_names_where_kernels_are_kept_if_not_in_the_cache(tmp_path, monkeypatch, capsys):
    sources = PACKAGE / "engines" / "compiled" / "trains"
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    cache.cache_directory.cache_clear()
    compile_notice(COMPILING, sources)
    err = capsys.readouterr().err
    cache.cache_directory.cache_clear()
    assert f"{tmp_path}/file/collsim cannot be written" in err
    assert f"kept in {tmp_path}/collsim-cache-" in err


def test_the_notice_has_words_for_every_package_of_kernels(capsys):
    folders = {path.parent for path in PACKAGE.rglob("*.py") if "\n@kernel\n" in path.read_text(encoding="utf-8")}
    assert {folder.name for folder in folders} == set(KERNELS)
    compile_notice(WAITING, PACKAGE / "engines" / "compiled")
    assert "another process is compiling the simulation kernels for packets" in capsys.readouterr().err
