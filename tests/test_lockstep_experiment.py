"""experiments/lockstep_estimate: what its README finds is in its rows, and its rows are what the engine gives."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "lockstep_estimate"
README = " ".join((FOLDER / "README.md").read_text().split())
GRIDS = ("torus4x4", "torus8x8", "mesh8x8")
CHUNKS = ("512B", "4KiB", "32KiB")


@pytest.fixture(scope="module")
def rows():
    frame = pd.read_csv(FOLDER / "results.csv", dtype={"estimate": str})
    frame["share"] = pd.to_numeric(frame.estimate, errors="coerce")
    return frame


@pytest.fixture(scope="module")
def experiment():
    specification = importlib.util.spec_from_file_location("lockstep_estimate_run", FOLDER / "run.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def one(rows, topology, chunk, estimate, flow_control="credit"):
    found = rows[
        (rows.topology == topology)
        & (rows.chunk == chunk)
        & (rows.flow_control == flow_control)
        & ((rows.share == estimate) if not isinstance(estimate, str) else (rows.estimate == estimate))
    ]
    assert len(found) == 1
    return found.iloc[0]


def test_every_wanted_row_is_there(rows):
    config = yaml.safe_load((FOLDER / "config.yaml").read_text())
    groups = len(config["networks"]) * len(config["chunks"]) * len(config["flow_control"])
    assert len(rows) == groups * (len(config["estimates"]) + len(config["named"]))


def test_too_long_costs_in_proportion(rows):
    count = 0
    for _, group in rows.groupby(["topology", "chunk", "flow_control"]):
        long = group[group.share >= 1]
        last = long.time_ns - (long.steps - 1) * long.estimate_ns
        assert last.max() - last.min() <= 1
        count += len(long)
    assert f"in all {count} runs from T to 3 T" in README
    ten = [f"{100 * (one(rows, t, '32KiB', 1.1).over_oracle - 1):.1f}" for t in ("torus4x4", "mesh8x8")]
    assert f"10 % too long costs {ten[0]} % on torus4x4 (10 steps) and {ten[1]} % on mesh8x8 (64)" in README
    three = [f"{100 * (one(rows, t, '32KiB', 3).over_oracle - 1):.0f}" for t in ("torus4x4", "mesh8x8")]
    assert f"three times too long {three[0]} % and {three[1]} %" in README
    used = [f"{100 * one(rows, 'torus8x8', '32KiB', share).link_use:.0f} % of the time at {t}" for share, t in ((1, "T"),)]
    assert used[0] in README
    assert f"and {100 * one(rows, 'torus8x8', '32KiB', 3).link_use:.0f} % at 3 T" in README


def test_too_short_costs_nothing(rows):
    assert (rows[rows.share < 1].over_oracle < 1).all()
    at_zero = [f"{one(rows, 'torus8x8', chunk, 0).over_oracle:.2f}" for chunk in CHUNKS]
    assert f"takes {at_zero[0]}, {at_zero[1]} and {at_zero[2]} of the oracle's time" in README


def test_plateaus(rows):
    assert "34 x 2,176 + 10 x 152 ns on torus8x8, 64 x 2,176 + 26 x 152 on mesh8x8" in README
    assert one(rows, "torus8x8", "32KiB", 0).time_ns == 34 * 2176 + 10 * 152
    assert one(rows, "mesh8x8", "32KiB", 0).time_ns == 64 * 2176 + 26 * 152
    more = {t: one(rows, t, "32KiB", "schedule").time_ns / one(rows, t, "32KiB", 0).time_ns - 1 for t in GRIDS}
    assert [t for t in GRIDS if more[t] > 0] == ["mesh8x8"]
    assert f"is `schedule` {100 * more['mesh8x8']:.1f} % above 0 at 32 KiB" in README


def test_what_meets(rows):
    grids = rows[rows.topology.isin(GRIDS)]
    assert not grids.held_messages.any()
    assert f"Not one message of their {len(grids)} runs" in README
    assert not rows[rows.share >= 1].held_messages.any()
    slack = {}
    for topology in ("fattree4x2", "bigraph4x8"):
        part = rows[(rows.topology == topology) & (rows.flow_control == "credit") & (rows.held_messages > 0)]
        short = part[part.share < 1].groupby("chunk").share.max()
        slack[topology] = ", ".join(f"{100 * (1 - short[chunk]):.0f}" for chunk in reversed(CHUNKS))
    assert f"below T by {slack['fattree4x2']} % on the fat-tree for 32 KiB, 4 KiB, 512 B" in README
    assert f"by {slack['bigraph4x8']} % on BiGraph" in README
    half = one(rows, "fattree4x2", "4KiB", 0.5)
    held, step = 100 * half.held_messages / half.messages, 2 * half.estimate_ns
    assert (
        f"At 0.5 T and 4 KiB {held:.0f} % of the messages on the fat-tree are held up, for {half.hold_ns:.0f} ns" in README
    )
    assert f"against a step of {step:.0f} ns" in README


def test_packets_and_messages_and_the_formula(rows):
    both = rows.set_index(["topology", "chunk", "estimate", "flow_control"]).over_oracle.unstack()
    assert (both.credit - both.message).abs().max() <= 0.013 + 1e-9
    assert "within 0.013 of it" in README
    assert one(rows, "torus8x8", "32KiB", "multitree-isca21").estimate_ns == 1248
    assert "128 packets as 1,248 of 2,176" in README


def test_free_interfaces_are_as_fast_or_faster(rows):
    for _, group in rows.groupby(["topology", "chunk", "flow_control"]):
        free = group[group.estimate == "free"].time_ns.item()
        assert free <= group.time_ns.min()


@pytest.mark.parametrize("flow_control", ["credit", "message"])
def test_rows_are_what_the_engine_gives(rows, experiment, flow_control):
    config = yaml.safe_load((FOLDER / "config.yaml").read_text())
    asked = ["oracle", "schedule", "free", "0", "0.5", "1", "2"]
    for topology in ("torus4x4", "fattree4x2"):
        for row in experiment.sweep(config, topology, "4KiB", flow_control, asked):
            kept = rows[
                (rows.topology == topology)
                & (rows.chunk == "4KiB")
                & (rows.flow_control == flow_control)
                & (rows.estimate == row["estimate"])
            ]
            for column in ("time_ns", "held_messages", "messages", "hold_ns", "link_use", "steps"):
                assert kept[column].item() == pytest.approx(row[column])


def test_the_longest_steps(experiment):
    """Where contention is sure to be absent: the longest step of the oracle, in units of the mean one."""
    import collsim
    from collsim.simulate import prepare

    found = []
    for topology in ("fattree4x2", "bigraph4x8"):
        settings = {"reduction_rate": "free", "lockstep_estimate": "oracle"}
        network = collsim.NetworkConfig.preset("multitree-isca21-switch").with_settings(settings)
        case = prepare(topology, network=network, engine="compiled")
        run = case.run("multitree", 32 * 1024 * len(case.hosts))
        ends = pd.Series(run.result.message_finish).groupby(run.schedule.step).max()
        longest = ends.diff().fillna(ends.iloc[0]).max()
        found.append(f"{longest / (run.result.time / run.schedule.steps):.2f} T")
    assert f"{found[0]} on the fat-tree and {found[1]} on BiGraph at 32 KiB" in README
