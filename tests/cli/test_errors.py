"""What can go wrong on the command line: one sentence, the right exit code, no traceback, nothing half-written."""

import os
import signal
import subprocess
import sys

import pytest

from collsim.cli.main import invoke

RUN = ("run", "--topo", "ring4", "--algo", "ring", "--size", "4KiB")

WRONG = [
    (("run", "--topo", "tours4x4"), "torus4x4"),
    (("run", "--topo", "dgx1-v10"), "dgx1-v100"),
    (("run", "--topo", "ring4", "--algo", "multitre"), "multitree"),
    (("run", "--topo", "ring4", "--algo", "multitree:prots=1"), "ports"),
    (("run", "--topo", "torus4x"), "torus"),
    (("run", "--topo", "ring1"), "ring1"),
    (("run", "--topo", "torus0x4"), "torus0x4"),
    (("run", "--topo", "torus3x3", "--algo", "recursive-doubling"), "torus3x3"),
    ((*RUN, "--collective", "all-redcue"), "all-reduce"),
    ((*RUN, "--engine", "simpi"), "simpy"),
    ((*RUN, "--set", "packet_paylod=1KiB"), "packet_payload"),
    ((*RUN, "--set", "header"), "KEY=VALUE"),
    ((*RUN, "--set", "header=-1"), "header"),
    ((*RUN, "--set", "nic_scheduler=fiffo"), "fifo"),
    ((*RUN, "--set", "nic_scheduler=fiffo", "--engine", "analytic"), "fifo"),
    ((*RUN, "--set", "buffer=1"), "packet"),
    ((*RUN, "--bandwidth", "0GB/s"), "above zero"),
    ((*RUN, "--bandwidth", "-1GB/s"), "above zero"),
    ((*RUN, "--bandwidth", "16GX/s"), "16GB/s"),
    ((*RUN, "--latency", "-5ns"), "-5ns"),
    ((*RUN, "--latency", "5"), "unit"),
    ((*RUN, "--latency", "1e30s"), "1e30s"),
    ((*RUN[:-1], "0"), "at least 1 byte"),
    ((*RUN[:-1], "-4KiB"), "-4KiB"),
    ((*RUN[:-1], "0.5B"), "0.5B"),
    ((*RUN[:-1], "1e25"), "overflows"),
    ((*RUN, "--fail", "h0->h2"), "h0->h"),
    ((*RUN, "--fail", "h0-h1", "--fail", "h2-h3"), "falls apart"),
    ((*RUN, "--degrade", "h0->h1"), "LINK=SHARE"),
    ((*RUN, "--degrade", "h0->h1=0"), "above zero"),
    ((*RUN, "--degrade", "h0->h1=x"), "above zero"),
    ((*RUN, "--placement", "lineal"), "linear"),
    ((*RUN, "--placement", "random:x"), "placement seed"),
    ((*RUN, "--collective", "broadcast", "--root", "4"), "0 to 3"),
    ((*RUN, "--root", "one"), "one"),
    ((*RUN, "--json", "/no/such/folder/out.json"), "does not exist"),
    ((*RUN, "--network", "/no/such/file.yaml"), "/no/such/file.yaml"),
    ((*RUN, "--baseline", "rnig"), "ring"),
    (
        ("run", "--topo", "ring8", "--algo", "direct", "--set", "virtual_channels=1", "--set", "buffer=4KiB"),
        "allow_deadlock",
    ),
    (("rum",), "run"),
    ((*RUN, "--enigne", "simpy"), "--engine"),
    (("run",), "--topo"),
    (("topo", "shwo", "ring4"), "show"),
    (("topo", "plot", "ring4", "-o", "out.xyz"), ".png"),
    (("algo", "show", "rign"), "ring"),
    (("compare", "--topo", "ring4", "--algos", ","), "--algos"),
    (("compare", "--topo", "ring4", "--algos", "ring", "--plot", "out.txt"), ".png"),
    (("compare", "--topo", "ring4", "--algos", "ring", "--csv", "-", "--json", "-"), "--csv"),
    (("compare", "--topo", "ring4", "--algos", "ring", "--sizes", "4KiB:1KiB:x2"), "sizes"),
    (("compare", "--topo", "ring4", "--algos", "ring", "--metric", "tiem"), "time"),
    (("schedule", "--topo", "ring4", "--algo", "ring", "--steps", "9:12"), "0 to 5"),
    (("bound", "--topo", "ring4", "--size", "0"), "1 byte"),
    (("completion", "tcsh"), "bash"),
    (("compare", "--topo", "ring4", "--algos", "ring", "multitree"), "a list has commas and no blanks, like ring,multitree"),
    (("run", "--topo", "ring4", "--algo", "ring", "--fail", "h0-"), "put names with '>' in quotes, like 'h0->h1'"),
    (("run", "--topo", "4x4"), "torus4x4"),
    (("run", "--topo", "ring4", "--algo", "ring,direct"), "'ring,direct' is several algorithms"),
    (("workload", "dp", "--model", "llama2-7b", "--ranks", "4"), "is a transformer, whose step 'collsim workload tp' times"),
    (("workload", "tp", "--model", "vgg16", "--topo", "gaudi3"), "which 'collsim workload dp' trains"),
    (("calibrate", "absent.txt", "--topo", "ring4"), "no file absent.txt. Check the path."),
]


@pytest.mark.parametrize("words, hint", WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_request_is_one_sentence_with_the_cure(words, hint, capsys):
    code = invoke(words)
    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == ""
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert hint in err


BROKEN = {
    "list.yaml": "- 1\n- 2\n",
    "cut.yaml": "packet_payload: [1, \n",
    "typo.yaml": "heder: 64\n",
    "empty.yaml": "",
    "value.yaml": "header: many\n",
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_network_files_are_named(name, tmp_path, capsys):
    (tmp_path / name).write_text(BROKEN[name])
    assert invoke((*RUN, "--network", str(tmp_path / name))) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert name in err or "header" in err


BROKEN_MACHINES = {
    "cut.json": '{"nodes": [',
    "cut.yaml": "nodes: [1,",
    "cut.graphml": "<graphml",
    "head.csv": "a,b,c\n1",
    "empty.yaml": "",
    "binary.csv": "\0\1",
    "unknown.txt": "hello",
}


@pytest.mark.parametrize("name", sorted(BROKEN_MACHINES))
def test_broken_topology_files_are_named(name, tmp_path, capsys):
    (tmp_path / name).write_text(BROKEN_MACHINES[name])
    assert invoke(("run", "--topo", str(tmp_path / name), "--size", "4KiB")) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert name in err


BROKEN_PLACEMENTS = {"h0 h0": "h0 twice", "h0 h9": "h9", "h0": "2 or more", "": "2 or more", "\xff": "not UTF-8 text"}


@pytest.mark.parametrize("text", BROKEN_PLACEMENTS)
def test_broken_placements_are_refused(text, tmp_path, capsys):
    path = tmp_path / "hosts"
    path.write_bytes(text.encode("latin-1"))
    assert invoke((*RUN, "--placement", str(path))) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert BROKEN_PLACEMENTS[text] in err


def test_a_deadlock_fails_the_run_and_names_its_cycle(capsys):
    words = ("run", "--topo", "ring8", "--algo", "direct", "--collective", "all-to-all", "--size", "1MiB")
    settings = ("--set", "virtual_channels=1", "--set", "buffer=4KiB", "--set", "allow_deadlock=true")
    assert invoke((*words, *settings)) == 1
    err = capsys.readouterr().err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert "->" in err


def test_a_clock_that_overflows_fails_the_run(capsys):
    assert invoke((*RUN[:-1], "1e15", "--bandwidth", "1kB/s", "--engine", "analytic")) == 1
    assert "2.56 hours" in capsys.readouterr().err


def test_a_fault_of_ours_is_still_one_sentence(capsys, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("what\nnow")

    monkeypatch.setattr(sys.modules["collsim.simulate"], "prepare", broken)
    monkeypatch.delenv("COLLSIM_DEBUG", raising=False)
    assert invoke(RUN) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "report it" in err
    monkeypatch.setenv("COLLSIM_DEBUG", "1")
    assert invoke(RUN) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence():
    command = [sys.executable, "-m", "collsim", "algo", "list"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Cannot read or write: No space left on device")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_leaves_is_no_error():
    program = f"set -o pipefail; {sys.executable} -m collsim schedule --topo torus4x4x4 --algo direct | head -n 1"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("Machine")


def test_a_closed_output_is_no_error():
    program = f"{sys.executable} -m collsim bound --topo ring4 >&-"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_device_fails_the_run_and_stays_a_device(capsys):
    assert invoke((*RUN, "--json", "/dev/full")) == 1
    assert "Cannot write '/dev/full': No space left on device" in capsys.readouterr().err
    assert invoke((*RUN, "--json", "/dev/null")) == 0


def test_ctrl_c_is_one_sentence_and_leaves_no_file(tmp_path):
    words = ["run", "--topo", "torus8x8", "--algo", "ring", "--size", "256MiB", "--engine", "simpy"]
    command = [sys.executable, "-m", "collsim", *words, "--json", str(tmp_path / "out.json")]
    # Shells start background jobs with SIGINT ignored, and a test run in one would hand that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    assert process.stderr.readline().startswith("Note: ring makes about 8 million packet-hops")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert out == ""
    assert err.startswith("Error: Interrupted")
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == []
