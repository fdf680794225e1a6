"""experiments/dcs3gd: its page says what its rows hold, the rows hold what must hold, and single numbers come again."""

import csv
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "dcs3gd"
PAGE = (FOLDER / "README.md").read_text()


def module(name):
    """Import a file of the experiment, whose files import each other by their bare names."""
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        spec.loader.exec_module(loaded)
        return loaded
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop(name, None)


def rows(name):
    with (FOLDER / "results" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_are_what_the_rows_hold():
    report = module("report")
    assert report.with_tables(PAGE, FOLDER) == PAGE
    assert set(re.findall(r"<!-- table (\w+) -->\n\|", PAGE)) == set(report.TABLES)


def test_iterations_of_dcs3gd_obey_the_law_and_do_not_depend_on_bandwidth_while_it_is_hidden():
    found = [row for row in rows("timing") if row["part"] in ("bandwidth", "scaling") and row["scheme"] == "dcs3gd"]
    assert len(found) == 12
    for row in found:
        compute, exchange, update = (float(row[name]) for name in ("compute_ms", "all_reduce_ms", "update_ms"))
        assert row["exact"] == "True"
        assert float(row["iteration_ms"]) == pytest.approx(max(compute, exchange) + update, abs=2e-4)
    assert len({row["iteration_ms"] for row in found if float(row["all_reduce_ms"]) <= float(row["compute_ms"])}) == 1


def test_the_gain_is_at_most_two_and_there_where_both_times_are_equal():
    gains = {
        float(r["value"]): float(r["gain"]) for r in rows("timing") if (r["part"], r["scheme"]) == ("no-update", "dcs3gd")
    }
    assert max(gains.values()) <= 2
    assert max(gains, key=gains.get) == 1
    assert gains[1] == pytest.approx(2, abs=1e-3)


def test_compensated_stale_sgd_takes_about_as_many_steps_and_less_time():
    """What must hold, number 6: at every ratio the target is reached in at most a quarter more steps, and sooner."""
    hit = {}
    for row in rows("over_time"):
        if float(row["loss"]) < 0.05:
            hit.setdefault((row["ratio"], row["seed"], row["scheme"]), (int(row["step"]), float(row["time_s"])))
    for ratio, seed, scheme in hit:
        if scheme == "dcs3gd":
            (stale, late), (plain, soon) = hit[ratio, seed, "dcs3gd"], hit[ratio, seed, "ssgd"]
            assert stale <= 1.25 * plain
            assert late < soon
    assert sum(scheme == "dcs3gd" for _, _, scheme in hit) == 9


def test_workers_on_digits_agree_to_rounding():
    model = module("model")
    sys.modules["model"] = model
    from collsim.workloads.stale_sgd import Momentum, Workers, dcs3gd

    gradient = model.Batches(model.digits(0), 16, 0)
    group = Workers(gradient, model.start(0), 8, Momentum(0.2))
    for step, agreed in zip(range(100), dcs3gd(group), strict=False):
        assert np.abs(agreed - agreed[0]).max() <= 1e-14, step
    data = gradient.data
    assert model.loss(agreed[0], data.images, data.classes) < 0.1


def test_the_gradient_is_that_of_the_loss():
    model = module("model")
    data, weights = model.digits(0), model.start(0)
    slope = model.gradient(weights, data.images[:20], data.classes[:20])
    draw = np.random.default_rng(0)
    for _ in range(5):
        way = draw.normal(size=len(weights))
        ahead, behind = (model.loss(weights + s * way, data.images[:20], data.classes[:20]) for s in (1e-5, -1e-5))
        assert (ahead - behind) / 2e-5 == pytest.approx(slope @ way, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["ssgd", "dcs3gd", "stale", "asgd"])
def test_what_was_learnt_is_learnt_again(scheme):
    sys.modules["model"] = module("model")
    learning = module("learning")
    (row,) = (r for r in rows("learning") if (r["workers"], r["rate"], r["scheme"], r["seed"]) == ("8", "0.5", scheme, "1"))
    losses, _ = learning.curve(scheme, 8, 0.5, 1)
    assert str(learning.reached(losses) or "") == row["steps_to_target"]
    if scheme != "asgd":
        assert losses[-1] == pytest.approx(float(row["loss"]), rel=1e-3)
