"""`collsim schedule --export` and `collsim algo lint`: what is written runs again, and files are held to their runtime."""

import json

from collsim.cli.main import invoke


def run(*words):
    return invoke([*words, "--engine", "analytic"])


def test_a_schedule_written_as_msccl_runs_again(tmp_path, capsys):
    path = tmp_path / "plan.xml"
    words = ["--topo", "mesh2x4", "--algo", "multitree"]
    assert invoke(["schedule", *words, "--steps", "0", "--export", str(path)]) == 0
    assert capsys.readouterr().err == ""
    assert invoke(["algo", "lint", str(path)]) == 0
    assert "all-reduce of 8 GPUs" in capsys.readouterr().out
    times = {}
    for algo in ("multitree", f"{path}:order=data"):
        assert run("run", "--topo", "mesh2x4", "--algo", algo, "--json", "-") == 0
        value = json.loads(capsys.readouterr().out)
        times[algo] = value["time_s"], value["transfers"], value["verified"]
    assert len(set(times.values())) == 1
    assert invoke(["algo", "check", str(path)]) == 0
    assert "0 wrong" in capsys.readouterr().out


def test_limits_are_told_at_the_export_and_by_lint(tmp_path, capsys):
    path = tmp_path / "plan.xml"
    assert (
        invoke(["schedule", "--topo", "ring128", "--algo", "halving-doubling", "--steps", "0", "--export", str(path)]) == 0
    )
    assert "64 chunks" not in capsys.readouterr().err
    text = path.read_text().replace('nchannels="1"', 'nchannels="40"')
    path.write_text(text)
    assert invoke(["algo", "lint", str(path)]) == 1
    assert "40 channels; the runtime has 32." in capsys.readouterr().out


def test_an_unknown_suffix_is_refused_before_anything_runs(tmp_path, capsys):
    assert invoke(["schedule", "--topo", "ring4", "--algo", "ring", "--export", str(tmp_path / "plan.txt")]) == 2
    assert "name a file that ends in .xml (MSCCL)" in capsys.readouterr().err
