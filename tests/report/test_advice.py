"""Advice names what was measured: each rule on runs whose bottleneck is known beforehand."""

import re
import shlex
from dataclasses import replace

import pytest

from collsim.cli.main import cli
from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.collective import collective
from collsim.errors import AlgorithmUnsuitable, InvalidValue
from collsim.network.config import NetworkConfig
from collsim.report.advice import advise, settings_words
from collsim.report.candidates import candidates
from collsim.simulate import Case, simulate
from collsim.sweep.compare import split_algorithms
from collsim.topology.graph import Link, build


def parsed(command):
    """Return the parsed options of a suggested command; fails where the command line would not take it."""
    words = shlex.split(command)
    assert words[0] == "collsim"
    # The parent gives the command its help options, which click keeps from the first context on.
    return cli.commands[words[1]].make_context(words[1], words[2:], parent=cli.make_context("collsim", words[1:])).params


def with_path(outcome, bound=0.5, **shares):
    """Return the outcome as if its critical path had these shares and the run reached `bound`."""
    path = {part: round(share * outcome.result.time) for part, share in shares.items()}
    slower = replace(outcome.bound, time=int(outcome.result.time * bound))
    return replace(outcome, result=replace(outcome.result, critical_path=path), bound=slower)


@pytest.fixture(scope="module")
def ring():
    return simulate("torus3x3", "ring", size="64KiB", engine="analytic", network={"header": "64B", "router_delay": "20ns"})


@pytest.mark.parametrize(
    "shares, word, setting",
    [
        ({"credit_wait": 0.5, "serialisation": 0.5}, "buffer", "flow_control=none"),
        ({"port_wait": 0.5, "serialisation": 0.5}, "port", "ports=0"),
        ({"step_wait": 0.5, "serialisation": 0.5}, "lockstep", "nic_scheduler=lowest-step"),
        ({"loss_wait": 0.5, "serialisation": 0.5}, "lost packets", "loss=0"),
        ({"reduction": 0.5, "serialisation": 0.5}, "Reducing", "reduction_rate=free"),
    ],
)
def test_a_waiting_run_names_the_setting_that_removes_the_wait(ring, shares, word, setting):
    advice = advise(with_path(ring, **shares))
    assert word in advice.finding
    assert "50 %" in advice.finding
    assert setting in parsed(advice.command)["settings"]


def test_a_trunk_into_slower_links_is_given_channels():
    """Four hosts a side, links of 100 Gb/s, one trunk of 400: with one channel a packet at a time passes it (rule 10)."""
    ends = [(host, 8 + host // 4, 100) for host in range(8)] + [(8, 9, 400)]
    links = [Link(*pair, rate * 10**9 // 8, 10**8) for a, b, rate in ends for pair in ((a, b), (b, a))]
    trunk = build("trunk", 8, links, switches=2)
    run = Case(trunk, tuple(range(8)), collective("all-to-all"), NetworkConfig(), request=("--topo", "trunk.yaml"))
    slow = run.run("direct", 2**20)
    advice = advise(slow)
    assert re.search("s[01]->s[01] is faster than links behind it", advice.finding)
    assert parsed(advice.command)["settings"] == ("virtual_channels=16",)
    wide = replace(run, network=NetworkConfig().with_settings({"virtual_channels": 16}), known={}).run("direct", 2**20)
    assert wide.result.time < slow.result.time / 2
    assert "packet at a time" not in advise(wide).finding


def test_contention_names_the_link_and_compares(ring):
    outcome = with_path(ring, link_wait=0.4, serialisation=0.6)
    idle = replace(outcome.result, critical_links={3: 10, 5: 700}, link_busy=outcome.result.link_busy // 2)
    advice = advise(replace(outcome, result=idle))
    assert ring.topology.link_name(5) in advice.finding
    assert parsed(advice.command)["algos"].split(",")[0] == "ring"


def test_waiting_for_a_saturated_link_is_a_matter_of_bytes(ring):
    outcome = with_path(ring, link_wait=0.4, serialisation=0.6)
    busy = outcome.result.link_busy.copy()
    busy[7] = round(0.9 * outcome.result.time)
    advice = advise(replace(outcome, result=replace(outcome.result, link_busy=busy)))
    assert f"Link {ring.topology.link_name(7)} is busy 90 %" in advice.finding
    assert "bytes over the busiest links" in advice.finding


def test_latency_offers_only_algorithms_of_fewer_steps(ring):
    advice = advise(with_path(ring, latency=0.8, serialisation=0.2))
    assert f"{ring.schedule.steps} steps" in advice.finding
    others = parsed(advice.command)["algos"].split(",")[1:]
    assert others
    for name in others:
        assert simulate("torus3x3", name, size="64KiB", engine="analytic").schedule.steps < ring.schedule.steps


def test_what_is_offered_against_a_busy_link_takes_the_machine_and_is_faster(ring):
    names = parsed(advise(with_path(ring, serialisation=1.0)).command)["algos"].split(",")
    assert names[0] == "ring"
    assert len(names) > 1
    for name in names[1:]:
        assert simulate("torus3x3", name, size="64KiB", engine="analytic").result.time < ring.result.time


def test_where_nothing_could_be_faster_the_network_is_left():
    best = with_path(simulate("full4", "direct", size="1MiB", engine="analytic"), serialisation=1.0)
    advice = advise(best)
    assert "No other algorithm here" in advice.finding
    assert advice.command.startswith("collsim bound --topo full4")


def test_variants_of_algorithms_are_considered_and_the_run_itself_is_not():
    run = simulate("torus4x4", "multitree", size="16MiB", engine="analytic")
    names = split_algorithms(parsed(advise(run).command)["algos"])
    assert names[:2] == ["multitree", "2d-ring:parts=4"]
    faster = simulate("torus4x4", "2d-ring:parts=4", size="16MiB", engine="analytic")
    assert faster.result.time < run.result.time
    for way in ("2d-ring:parts=4", "2d-ring"):
        again = simulate("torus4x4", way, size="16MiB", engine="analytic")
        assert way not in [c.name for c in candidates(again)]


@pytest.mark.parametrize("machine", ["torus4x4", "mesh3x3", "fattree2", "dgx1-v100", "switch8"])
@pytest.mark.parametrize("size", ["2KiB", "4MiB"])
def test_nothing_that_is_left_out_is_a_percent_faster(machine, size):
    for name in ("ring", "multitree", "direct"):
        run = simulate(machine, name, size=size, engine="analytic")
        kept = {candidate.name.partition(":")[0] for candidate in candidates(run)}
        for other, entry in ALGORITHMS.items():
            for way in entry.ways if other not in kept | {name} and "all-reduce" in entry.collectives else ():
                try:
                    assert simulate(machine, way, size=size, engine="analytic").result.time >= 0.99 * run.result.time, way
                except (AlgorithmUnsuitable, InvalidValue):
                    continue


def test_a_link_that_carries_the_least_there_is_calls_for_fewer_delays_not_fewer_bytes():
    run = simulate("bigraph4x8", "ring", size="1MiB", engine="analytic")
    advice = advise(run)
    assert "no more than some link carries under any algorithm" in advice.finding
    assert "fewer bytes" not in advice.finding
    assert "multitree" in split_algorithms(parsed(advice.command)["algos"])
    assert simulate("bigraph4x8", "multitree", size="1MiB", engine="analytic").result.time < run.result.time


def test_waits_for_other_links_are_named_though_the_busiest_carries_the_least():
    run = simulate("eflops-bigraph", "hierarchical", collective="all-gather", size="4MiB", engine="analytic")
    assert run.critical_shares()["link_wait"] > 0.5
    assert "waits for links that other messages hold" in advise(run).finding


def test_many_ranks_are_not_judged_and_the_advice_says_so():
    run = simulate("ring96", "ring", size="1MiB", engine="analytic")
    assert candidates(run) is None
    assert "not judged" in advise(run).finding
    assert "ring" not in split_algorithms(parsed(advise(run).command)["algos"])[1:]


def test_a_changed_setting_is_named_once(ring):
    outcome = replace(ring, network=ring.network.with_settings({"ports": 1}))
    settings = parsed(advise(with_path(outcome, port_wait=0.5, serialisation=0.5)).command)["settings"]
    assert [s for s in settings if s.startswith("ports=")] == ["ports=0"]


def test_the_longer_of_waits_and_delays_is_named(ring):
    assert "Message overhead is 53 %" in advise(with_path(ring, overhead=0.53, link_wait=0.4, serialisation=0.07)).finding
    assert "53 % of the critical path waits" in advise(with_path(ring, link_wait=0.53, latency=0.42)).finding
    assert (
        "20 % of the critical path waits" in advise(with_path(ring, link_wait=0.2, latency=0.25, serialisation=0.55)).finding
    )


def test_delays_are_called_by_their_names(ring):
    assert advise(with_path(ring, latency=0.4, router=0.4, serialisation=0.2)).finding.startswith(
        "Latency and router delay make"
    )


def test_at_the_bound_only_the_network_is_left(ring):
    advice = advise(with_path(ring, bound=0.99, serialisation=1.0))
    assert "faster network" in advice.finding
    assert parsed(advice.command)["topo"] == "torus3x3"


def test_idle_links_are_counted(ring):
    idle = int((ring.link_use == 0).sum())
    assert idle > 0, "a ring on a torus leaves links unused"
    assert f"{idle} of {ring.topology.links} links never send" in advise(with_path(ring, serialisation=1.0)).finding


def test_commands_keep_machine_and_settings():
    outcome = simulate(
        "torus3x3",
        "ring",
        size="1000",
        engine="analytic",
        bandwidth="8GB/s",
        degrade={"h0->h1": 0.5},
        network={"packet_payload": 1000, "header": 17, "router_delay": 1234567},
        seed=3,
    )
    options = parsed(advise(with_path(outcome, credit_wait=1.0)).command)
    assert options["topo"] == "torus3x3"
    assert options["bandwidth"] == "8GB/s"
    assert options["degrade"] == ("h0->h1=0.5",)
    assert options["size"] == "1000B"
    assert options["seed"] == 3
    settings = dict(change.split("=") for change in options["settings"])
    assert settings.pop("flow_control") == "none"
    assert NetworkConfig().with_settings(settings).leaves() == outcome.network.leaves()


def test_settings_read_back_exactly():
    network = NetworkConfig().with_settings(
        {
            "packet_payload": 64,
            "buffer": 12345677,
            "message_overhead": 1234567890123,
            "reduction_rate": 10**9 + 1,
            "ports": 2,
        }
    )
    again = NetworkConfig().with_settings(dict(word.split("=") for word in settings_words(network)))
    assert again == network


@pytest.mark.parametrize("further", [{}, {"flow_control": "message", "ports": "1"}, {"router_delay": "0ns", "header": "0"}])
def test_a_preset_is_repeated_by_its_name_and_what_differs(further):
    network = NetworkConfig.preset("multitree-isca21").with_settings(further)
    outcome = simulate("torus4x4", "ring", size="64KiB", network=network, engine="analytic")
    words = shlex.split(advise(outcome).command)
    assert words[words.index("--preset") + 1] == "multitree-isca21"
    changes = dict(words[place + 1].split("=") for place, word in enumerate(words) if word == "--set")
    assert set(changes) == set(further)
    assert NetworkConfig.preset("multitree-isca21").with_settings(changes) == network
