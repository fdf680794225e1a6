"""`collsim schedule --export` and `collsim algo lint`: what is written runs again, and files are held to their runtime."""

import json

from collsim.cli.main import invoke


def run(*words):
    return invoke([*words, "--engine", "analytic"])


def test_a_schedule_written_as_msccl_runs_again(tmp_path, capsys):
    path = tmp_path / "plan.xml"
    words = ["--topo", "mesh2x4", "--algo", "multitree"]
    assert invoke(["schedule", *words, "--steps", "0", "--export", str(path)]) == 0
    assert (
        capsys.readouterr().err
        == f"Note: multitree chose paths here, which {path} cannot say; whoever runs it routes anew.\n"
    )
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
    assert invoke(["schedule", "--topo", "ring16", "--algo", "halving-doubling", "--steps", "0", "--export", str(path)]) == 0
    capsys.readouterr()
    text = path.read_text().replace('nchannels="1"', 'nchannels="40"')
    path.write_text(text)
    assert invoke(["algo", "lint", str(path)]) == 1
    assert "40 channels; the runtime has 32." in capsys.readouterr().out


def test_an_unknown_suffix_is_refused_before_anything_runs(tmp_path, capsys):
    assert invoke(["schedule", "--topo", "ring4", "--algo", "ring", "--export", str(tmp_path / "plan.txt")]) == 2
    assert "name a file that ends in .xml (MSCCL), .goal" in capsys.readouterr().err


def test_a_schedule_written_as_goal_is_replayed(tmp_path, capsys):
    path = tmp_path / "ring.goal"
    words = ["--topo", "ring4", "--algo", "ring", "--size", "1MiB"]
    assert invoke(["schedule", *words, "--steps", "0", "--export", str(path)]) == 0
    capsys.readouterr()
    assert run("workload", "trace", str(path), "--topo", "ring4", "--json", "-") == 0
    value = json.loads(capsys.readouterr().out)
    assert run("run", *words, "--json", "-") == 0
    assert value["time_s"] == json.loads(capsys.readouterr().out)["time_s"]
    assert (value["ranks"], value["messages"], value["sends"], value["sent_bytes"]) == (4, 24, 24, 6 << 20)
    assert [row["finish_s"] for row in value["rank_results"]] == [value["time_s"]] * 4
    assert run("workload", "trace", str(path), "--topo", "ring4") == 0
    rows = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert {"Machine", "Trace", "Time", "Exposed", "Bottleneck", "Rank 0", "Settings", "Try next"} <= rows.keys()
    assert run(*rows["Try next"].split()[1:], "--csv", "-") == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "rank,finish_s,computing_s,exposed_s"
    assert [line.split(",")[0] for line in table[1:]] == ["0", "1", "2", "3"]
    assert run("workload", "trace", str(path), "--topo", "ring4", "--csv", "-", "--json", "-") == 2
    assert "Only one of --json and --csv" in capsys.readouterr().err


def test_traces_that_are_none_are_refused(tmp_path, capsys):
    path = tmp_path / "x.goal"
    path.write_text("num_ranks 2\nrank 0 {\nsend 5b to 1\n}\n")
    assert run("workload", "trace", str(path), "--topo", "ring4") == 2
    assert "line 3: rank 0, send 0 is never received by rank 1." in capsys.readouterr().err
    assert run("workload", "trace", str(tmp_path / "x.pdf"), "--topo", "ring4") == 2
    assert "is no trace; traces end in .goal, .et, .et.gz, .json" in capsys.readouterr().err
    assert run("workload", "trace", str(tmp_path / "y.goal"), "--topo", "ring4") == 2
    assert "There is no file" in capsys.readouterr().err


def test_a_schedule_written_as_chakra_is_replayed_and_written_anew(tmp_path, capsys):
    path, goal = tmp_path / "plan.et.gz", tmp_path / "plan.goal"
    words = ["--topo", "ring4", "--algo", "ring", "--size", "1MiB", "--set", "reduction_rate=10GB/s"]
    assert invoke(["schedule", *words, "--steps", "0", "--export", str(path)]) == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"plan.{rank}.et.gz" for rank in range(4)]
    capsys.readouterr()
    times = []
    for source, more in ((path, ["--export", str(goal)]), (goal, [])):
        assert run("workload", "trace", str(source), "--topo", "ring4", *more, "--json", "-") == 0
        value = json.loads(capsys.readouterr().out)
        times.append(value["time_s"])
        assert (value["calcs"], value["sends"]) == (12, 24)
    assert run("run", *words, "--json", "-") == 0
    times.append(json.loads(capsys.readouterr().out)["time_s"])
    # 262,144 bytes are added in 26.2144 us, which GOAL rounds up to the nanosecond in each of three steps.
    assert times[0] == times[2]
    assert round((times[1] - times[0]) * 1e12) == 3 * 600


def test_the_speed_of_chakra_nodes(tmp_path, capsys):
    path = tmp_path / "t.0.json"
    path.write_text('{"workload_graph": [{"Id": 0, "NodeType": 4, "num_ops": 1000000, "data_deps": []}]}')
    assert run("workload", "trace", str(path), "--topo", "ring4", "--flops", "1T", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["time_s"] == 1e-6
    assert run("workload", "trace", str(path), "--topo", "ring4") == 2
    assert "say how fast with --flops" in capsys.readouterr().err
    assert run("workload", "trace", str(path), "--topo", "ring4", "--flops", "0") == 2
    assert "is not above zero" in capsys.readouterr().err
