"""docs/multitree.md: single numbers in its text, and its table of steps that free interfaces take, run again."""

import re
from pathlib import Path

import pytest

import collsim

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "multitree.md").read_text()
LINE = " ".join(TEXT.split())
MESH, BOXES = ("mesh4x4", 2**30, ".2f"), ("dgx-a100-x2", 2**26, ".3f")


def milliseconds(machine, algorithm, operation):
    name, size, digits = machine
    run = collsim.simulate(name, algorithm, collective=operation, size=size, engine="compiled")
    return f"{run.result.time / 1e12:{digits}}"


@pytest.mark.slow
def test_the_phases_alone_on_a_mesh():
    sums = [milliseconds(MESH, f"multitree{options}", "reduce-scatter") for options in ("", ":segments=8")]
    copies = [milliseconds(MESH, f"multitree{options}", "all-gather") for options in ("", ":segments=8")]
    assert (
        f"a reduce-scatter from {sums[0]} to {sums[1]} ms; an all-gather, {copies[0]} ms without, takes {copies[1]}" in LINE
    )


@pytest.mark.slow
def test_the_phases_alone_on_two_boxes():
    ways = ("", ":links=widths", ":links=widths,segments=8")
    copies = [milliseconds(BOXES, f"multitree{options}", "all-gather") for options in ways]
    sums = [milliseconds(BOXES, f"multitree{options}", "reduce-scatter") for options in ways]
    assert f"takes {copies[0]} ms, {copies[1]} with `links=widths`, {copies[2]} with segments as well" in LINE
    assert f"a reduce-scatter {sums[0]}, {sums[1]} and {sums[2]}" in LINE


@pytest.mark.slow
def test_pieces_against_tacos():
    machine = {"collective": "all-gather", "size": 2**31, "bandwidth": "50GiB/s", "latency": "500ns", "engine": "compiled"}
    ways = [f"multitree:chunks={chunks},turns=smallest" for chunks in (1, 2, 8)]
    one, two, eight = (f"{collsim.simulate('torus3x4x5', way, **machine).result.time / 1e9:,.0f}" for way in ways)
    assert f"takes {one} us with one piece a rank, {two} with two, {eight} with eight" in LINE


FREE = [
    (network, scheduler, steps)
    for network, *cells in re.findall(r"^\| (\w+) \| (\d+) \| (\d+) / \d+ \| (\d+) / \d+ \|$", TEXT, re.MULTILINE)
    for scheduler, steps in zip(("oracle", "fifo", "lowest-step"), cells, strict=True)
]


def test_the_table_of_free_interfaces_is_read():
    assert {network for network, _, _ in FREE} == {"torus4x4", "torus8x8", "mesh4x4", "mesh8x8"}
    assert len(FREE) == 12


@pytest.mark.parametrize(("network", "scheduler", "steps"), FREE)
def test_steps_that_free_interfaces_take(network, scheduler, steps):
    """The time that a larger chunk takes more, in units of its serialisation: what the latencies add does not count."""
    settings = {"nic_scheduler": scheduler}
    if scheduler == "oracle":
        settings = {"nic_scheduler": "lockstep", "lockstep_estimate": "oracle"}
    chunks = [2**18, 2**19]
    times = []
    for chunk in chunks:
        size = chunk * collsim.load(network).hosts
        times.append(collsim.simulate(network, "multitree", size=size, network=settings, engine="compiled").result.time)
    assert (times[1] - times[0]) * 16 * 10**9 == int(steps) * 2**18 * 10**15


def test_the_command_that_gives_them():
    """One run on links of nearly no latency: the time is the number of steps times 32.768 us, to less than 1 in 1,000."""
    run = collsim.simulate("mesh4x4", "multitree", size="8MiB", latency="1ps", network={"nic_scheduler": "fifo"})
    assert run.result.time / 32_768_000_000 == pytest.approx(19, rel=1e-3)
    assert "collsim run --topo mesh4x4 --algo multitree --size 8MiB --latency 1ps --set nic_scheduler=fifo" in LINE
    assert "622.6 us" in LINE
    assert f"{run.result.time / 1e9:.1f} us" == "622.6 us"


@pytest.mark.parametrize(("scheduler", "steps"), [("fifo", 18), ("lowest-step", 16)])
def test_without_latency_a_mesh_takes_fewer(scheduler, steps):
    run = collsim.simulate("mesh4x4", "multitree", size="8MiB", latency="0ns", network={"nic_scheduler": scheduler})
    assert run.result.time == steps * 32_768 * 10**6
    assert "with none at all mesh4x4 takes 18 and 16" in LINE


def test_what_fifo_costs():
    taken = {(network, scheduler): int(steps) for network, scheduler, steps in FREE}
    ratios = [taken[n, "fifo"] / taken[n, "lowest-step"] for n, scheduler in taken if scheduler == "fifo"]
    assert f"`fifo` costs up to {100 * (max(ratios) - 1):.0f} % more here" in LINE
