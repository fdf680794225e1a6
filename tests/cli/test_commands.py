"""The command line as a user meets it: options, JSON, files, exit codes."""

import json
import subprocess
import sys

import pytest

from collsim.cli.main import cli, invoke
from collsim.cli.reference import reference_text

KEYS = {
    "topology",
    "hosts",
    "links",
    "algorithm",
    "collective",
    "size_bytes",
    "engine",
    "time_s",
    "algbw_bytes_per_s",
    "busbw_bytes_per_s",
    "bound_s",
    "bound_kind",
    "bound_exact",
    "percent_of_bound",
    "closed_form_s",
    "critical_path",
    "verified",
    "steps",
    "transfers",
    "packets",
    "packet_hops",
    "train_fraction",
    "wall_s",
    "seed",
    "collsim_version",
}


@pytest.fixture
def go(capsys):
    """Run the command line and return (exit code, stdout, stderr)."""

    def run(*words):
        code = invoke(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_run_prints_the_report(go):
    code, out, err = go("run", "--topo", "ring4", "--algo", "ring", "--size", "64KiB", "--baseline", "direct")
    assert (code, err) == (0, "")
    labels = [line.split("  ")[0] for line in out.splitlines()]
    for label in (
        *("Machine", "Collective", "Algorithm", "Legal here", "Verified", "Time", "Bandwidth", "Bound", "Closed form"),
        *("Speedup", "Time goes to", "Links", "Settings", "Advice", "Try next"),
    ):
        assert label in labels
    assert "collsim " in out.splitlines()[-1]


def test_json_of_run_has_every_key_and_adds_up(go):
    code, out, _ = go("run", "--topo", "ring4", "--algo", "ring", "--size", "64KiB", "--json", "-", "--baseline", "direct")
    assert code == 0
    value = json.loads(out)
    assert set(value) >= KEYS
    assert value["time_s"] == value["time_fs"] / 1e15
    assert sum(value["critical_path"].values()) == pytest.approx(value["time_s"], rel=1e-12)
    assert value["algbw_bytes_per_s"] == pytest.approx(65536 / value["time_s"])
    assert value["busbw_bytes_per_s"] == pytest.approx(1.5 * value["algbw_bytes_per_s"])
    assert value["percent_of_bound"] == pytest.approx(100 * value["bound_s"] / value["time_s"])
    assert value["closed_form_s"] == value["time_s"]
    assert value["speedup"] == pytest.approx(value["baseline"]["time_s"] / value["time_s"])
    assert (value["steps"], value["transfers"], value["links"]) == (6, 24, 8)


def test_json_goes_to_a_file_beside_the_report(go, tmp_path):
    path = tmp_path / "out.json"
    code, out, _ = go(
        "run", "--topo", "ring4", "--algo", "ring", "--size", "4KiB", "--json", str(path), "--engine", "analytic"
    )
    assert code == 0
    assert out.startswith("Machine")
    assert json.loads(path.read_text())["engine"] == "analytic"


def test_settings_win_over_the_network_file(go, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("packet_payload: 1KiB\nrouter:\n  router_delay: 20ns\nheader: 16\n")
    words = ("run", "--topo", "switch4", "--algo", "ring", "--size", "4KiB", "--json", "-", "--network", str(path))
    code, out, _ = go(*words, "--set", "header=32B")
    assert code == 0
    assert json.loads(out)["changed_settings"] == {"packet_payload": 1024, "router_delay": 20_000_000, "header": 32}


def test_faults_and_placement_reach_the_run(go):
    words = ("run", "--topo", "torus3x3", "--algo", "ring", "--size", "64KiB", "--json", "-")
    plain = json.loads(go(*words)[1])
    slow = json.loads(go(*words, "--degrade", "h0->h1=0.5", "--degrade", "h1->h0=0.5")[1])
    cut = json.loads(go(*words, "--fail", "h0->h1")[1])
    assert slow["bound_s"] > plain["bound_s"]
    assert cut["links"] == plain["links"] - 1
    moved = json.loads(go("run", "--topo", "switch4", "--placement", "random:7", "--size", "4KiB", "--json", "-")[1])
    assert moved["placement"] == "random:7"


def test_a_placement_file_is_read_by_name_or_number(go, tmp_path):
    path = tmp_path / "hosts.txt"
    path.write_text("h3 h1  # the first two\n2\n")
    value = json.loads(go("schedule", "--topo", "ring4", "--algo", "ring", "--placement", str(path), "--json", "-")[1])
    assert value["hosts"] == [3, 1, 2]


def test_compare_prints_writes_and_goes_on_after_a_refusal(go, tmp_path):
    files = {kind: str(tmp_path / f"out.{kind}") for kind in ("csv", "png", "json")}
    code, out, err = go(
        *("compare", "--topo", "torus3x3", "--algos", "ring,recursive-doubling,multitree", "--sizes", "4KiB,64KiB"),
        *("--engine", "analytic", "--plot", files["png"], "--csv", files["csv"], "--json", files["json"]),
    )
    assert code == 0
    assert out.count("multitree") == 2
    assert "1.00x" in out
    assert err.startswith("Left out: recursive-doubling cannot run on torus3x3")
    assert (tmp_path / "out.csv").read_text().count("\n") == 5
    assert len(json.loads((tmp_path / "out.json").read_text())["runs"]) == 4
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_compare_prints_csv_instead_of_the_table(go):
    words = ("compare", "--topo", "ring4", "--algos", "ring", "--sizes", "4KiB", "--engine", "analytic", "--csv", "-")
    code, out, _ = go(*words)
    assert code == 0
    assert [line.split(",")[:2] for line in out.splitlines()] == [["algorithm", "size_bytes"], ["ring", "4096"]]


def test_the_footnote_of_compare_says_what_the_bound_is(go):
    _, out, _ = go("compare", "--topo", "ring4", "--algos", "ring", "--sizes", "4KiB", "--engine", "analytic")
    assert out.endswith("* fastest at this size; no algorithm can be faster than the bound.\n")


def test_a_run_warns_where_routing_takes_slow_links_beside_fast_ones(go):
    words = ("run", "--topo", "dgx-a100-x2", "--algo", "hierarchical", "--size", "64KiB", "--engine", "analytic")
    _, even, _ = go(*words, "--set", "routing=widest")
    _, uneven, _ = go(*words)
    assert "Note" not in even
    assert "ways of 25 GB/s and of 300 GB/s from gpu0 to gpu1 are equally short, as for 224 of 256 transfers" in uneven
    assert "--set routing=widest" in uneven


def test_compare_of_unsuitable_algorithms_alone_fails(go):
    code, _, err = go("compare", "--topo", "torus3x3", "--algos", "recursive-doubling", "--sizes", "4KiB")
    assert code == 1
    assert "recursive-doubling" in err


def test_an_interrupted_compare_keeps_what_is_done(go, monkeypatch):
    import collsim.sweep.compare as module

    whole = module.runs

    def interrupted(*arguments):
        yield next(whole(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "runs", interrupted)
    code, out, err = go("compare", "--topo", "ring4", "--algos", "ring,direct", "--sizes", "4KiB", "--engine", "analytic")
    assert code == 130
    assert out.count("1.00x") == 1
    assert "Interrupted" in err


def test_schedule_shows_steps_and_exports(go, tmp_path):
    code, out, _ = go("schedule", "--topo", "ring4", "--algo", "ring", "--steps", "1:2")
    assert code == 0
    steps = [line.split()[0] for line in out.splitlines() if line[:1].isdigit()]
    assert steps == ["1"] * 4 + ["2"] * 4
    value = json.loads(go("schedule", "--topo", "ring4", "--algo", "ring", "--json", "-")[1])
    assert {"collective", "ranks", "chunks", "transfers"} <= set(value)
    assert {"id", "step", "src", "dst", "chunk", "op", "deps", "path"} <= set(value["transfers"][0])
    assert go("schedule", "--topo", "ring4", "--plot", str(tmp_path / "out.png"))[0] == 0


def test_bound_topo_and_algo_tell_their_facts(go, tmp_path):
    value = json.loads(go("bound", "--topo", "ring8", "--collective", "all-gather", "--size", "16MiB", "--json", "-")[1])
    assert value["algbw_bytes_per_s"] == pytest.approx(16e9 * 16 / 7, rel=1e-3)
    assert "torus4x4" in go("topo", "list")[1]
    assert "16" in go("topo", "show", "torus4x4")[1]
    assert go("topo", "plot", "ring4", "-o", str(tmp_path / "ring.png"))[0] == 0
    listing = go("algo", "list")[1]
    assert all(name in listing for name in ("ring", "multitree", "bruck"))
    assert "ISCA" in go("algo", "show", "multitree")[1]


def test_topo_show_names_switches_without_links(go, tmp_path):
    machine = tmp_path / "slip.yaml"
    machine.write_text('hosts: h0..1\nswitches: [s0, s1]\nlinks:\n  - {between: ["h[01]", s0]}\n')
    rows = go("topo", "show", str(machine))[1]
    assert "2, of which s1 has no link: no message can use it; add links or leave it out" in rows
    assert "has no link" not in go("topo", "show", "switch4")[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(go, shell):
    code, out, _ = go("completion", shell)
    assert code == 0
    assert "_COLLSIM_COMPLETE" in out


def test_completion_knows_names():
    from click.shell_completion import ShellComplete

    complete = ShellComplete(cli, {}, "collsim", "_COLLSIM_COMPLETE").get_completions
    assert [item.value for item in complete(["run", "--algo"], "multi")] == ["multitree"]
    assert "torus4x4" in [item.value for item in complete(["topo", "show"], "torus")]
    assert [item.value for item in complete(["net", "show"], "resnet5")] == ["resnet50"]
    assert [item.value for item in complete(["compare", "--algos"], "ring,multi")] == ["ring,multitree"]
    assert [item.type for item in complete(["run", "--topo"], "racks/my")] == ["file"]
    assert [item.value for item in complete(["run", "--placement"], "ra")] == ["random:"]


def test_help_is_complete_and_the_reference_is_current():
    from pathlib import Path

    text = reference_text(cli)
    for option in ("--topo", "--set", "--degrade", "--placement", "--steps", "--metric"):
        assert option in text
    page = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
    # Versions of click wrap lines differently.
    assert page.read_text(encoding="utf-8").split() == text.split(), "run: collsim reference -o docs/cli.md"


def test_help_imports_nothing_heavy():
    check = "import sys; from collsim.cli.main import invoke; invoke(['run', '--help']); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_a_huge_packet_run_is_announced_with_the_cure_and_not_refused(go, monkeypatch, engine):
    monkeypatch.setattr("collsim.cli.run.PATIENCE_S", 0)
    words = ("run", "--topo", "ring4", "--algo", "ring", "--size", "1MiB", "--engine")
    code, out, err = go(*words, engine)
    assert code == 0
    assert out.startswith("Machine")
    assert f"with the {engine} engine" in err
    assert "--engine analytic" in err
    assert err.count("\n") == 1
    assert go(*words, "analytic")[2] == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--engine", "compiled"), "as message trains (100 % of 1,536 packet-hops)"),
        (("--engine", "compiled", "--algo", "direct"), "50.0 % of 2,048 packet-hops as message trains"),
        (("--engine", "simpy"), "packet by packet (1,536 packet-hops)"),
        (("--engine", "analytic"), None),
    ],
)
def test_a_run_says_how_much_of_it_went_as_trains(go, words, says):
    _, out, _ = go("run", "--topo", "ring4", "--algo", "ring", "--size", "1MiB", *words)
    found = [line for line in out.splitlines() if line.startswith("Simulated")]
    assert len(found) == (says is not None)
    assert says is None or says in found[0]


@pytest.mark.parametrize(
    ("share", "says"),
    [(0.5, "50.0 % of 800 packet-hops"), (0.99999, "99.9 % of"), (1e-9, "0.1 % of"), (0, "packet by packet")],
)
def test_a_share_of_trains_is_never_rounded_to_all_or_nothing(share, says):
    from types import SimpleNamespace

    from collsim.report.describe import simulated_text

    assert simulated_text(SimpleNamespace(train_fraction=share, packet_hops=800)).startswith(says)


def test_packet_hops_are_estimated_exactly_on_given_and_shortest_paths(go):
    from collsim.simulate import prepare

    case = prepare("torus3x3")
    for algorithm in ("ring", "multitree"):
        assert case.packet_hops(algorithm, 2**16) == case.run(algorithm, 2**16).result.packet_hops


@pytest.mark.parametrize("words", [(), ("topo",), ("algo",), ("net",)])
def test_a_group_alone_shows_its_help(go, words):
    code, out, err = go(*words)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: collsim")
