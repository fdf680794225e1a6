"""A closed form that calls itself exact is exact: settings that no law knows take the promise away and are named."""

import pytest

from collsim.report.describe import closed_form_text
from collsim.simulate import simulate

UNKNOWN = [
    ("torus4x4", "multitree", "64KiB", {"ports": 1}, "ports"),
    ("ring5", "double-binary-tree", "1", {"nic_scheduler": "lockstep"}, "nic_scheduler"),
    ("torus4x4", "multitree", "64KiB", {"overhead_mode": "serial", "message_overhead": "1us"}, "overhead_mode"),
    ("full5", "direct", "12345", {"reduction_units": 1, "reduction_rate": "1GB/s"}, "reduction_units"),
    ("torus2x4", "double-binary-tree", "12345", {"routing": "spray", "router_delay": "1us"}, "routing"),
    ("switch4", "recursive-doubling", "64KiB", {"buffer": "4KiB"}, "buffer"),
]
HARMLESS = [
    ("torus4x4", "multitree", "64KiB", {"ports": 4}),
    ("torus4x4", "multitree", "64KiB", {"overhead_mode": "serial"}),
    ("full5", "direct", "12345", {"reduction_units": 1}),
    ("torus4x4", "multitree", "64KiB", {"routing": "spray"}),
    ("full5", "direct", "64KiB", {"buffer": "4KiB"}),
    ("switch4", "recursive-doubling", "64KiB", {"buffer": "64KiB"}),
    ("ring8", "ring", "64KiB", {"nic_scheduler": "fifo"}),
]


@pytest.mark.parametrize(("machine", "algorithm", "size", "settings", "named"), UNKNOWN)
def test_what_no_law_knows_is_named_and_not_promised(machine, algorithm, size, settings, named):
    run = simulate(machine, algorithm, size=size, network=settings)
    assert run.closed_form.without == (named,)
    assert not run.closed_form.exact
    assert run.result.time != run.closed_form.time
    assert f"knows nothing of {named}" in closed_form_text(run)
    assert run.to_dict()["closed_form_without"] == [named]


@pytest.mark.parametrize(("machine", "algorithm", "size", "settings"), HARMLESS)
def test_settings_that_hold_nobody_up_keep_the_promise(machine, algorithm, size, settings):
    run = simulate(machine, algorithm, size=size, network=settings)
    assert run.closed_form.exact
    assert run.result.time == run.closed_form.time


@pytest.mark.parametrize(
    ("machine", "algorithm", "wanted", "size", "scheduler"),
    [
        ("fattree4", "binomial-tree", "all-reduce", "40000", "round-robin"),
        ("full5", "bidirectional-ring", "broadcast", "64KiB", "shortest-first"),
        ("dragonfly1x2x1", "double-binary-tree", "all-reduce", "15", "fifo"),
        ("torus3x3", "ring", "broadcast", "64KiB", "fifo"),
        ("torus3x3", "multitree", "all-gather", "64KiB", "round-robin"),
    ],
)
def test_orders_of_ports_are_promised_only_where_they_are_those_of_the_steps(machine, algorithm, wanted, size, scheduler):
    run = simulate(machine, algorithm, collective=wanted, size=size, network={"nic_scheduler": scheduler})
    assert run.closed_form is None or not run.closed_form.exact or run.closed_form.time == run.result.time


def test_a_form_that_is_missing_says_why():
    assert "messages meet" in closed_form_text(simulate("torus4x4", "direct", size="64KiB", engine="analytic"))


@pytest.mark.parametrize("wanted", ["all-reduce", "reduce", "all-to-all"])
def test_turns_through_unequal_nics_are_not_told_as_equal_ones(wanted):
    equal = simulate("switch4", "direct", collective=wanted, size="64KiB")
    assert equal.closed_form.exact
    slower = simulate("switch4", "direct", collective=wanted, size="64KiB", degrade={"h1->s0": 0.25, "s0->h2": 2.0})
    assert slower.closed_form is None
