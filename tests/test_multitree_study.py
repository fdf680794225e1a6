"""The MULTITREE study: its tables follow from its rows, its rows survive interrupts, and every part runs."""

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "experiments" / "multitree"
PARTS = ("bandwidth", "scaling", "training", "ablation")


def study(*arguments):
    return subprocess.run([sys.executable, FOLDER / "run.py", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def store_of():
    specification = importlib.util.spec_from_file_location("multitree_store", FOLDER / "store.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Store


def rows(part, folder=FOLDER):
    with (folder / "results" / f"{part}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_kept_by_their_full_key(tmp_path, store_of):
    path = tmp_path / "results" / "part.csv"
    store = store_of(path, ("network", "settings"), ("time",))
    store.add({"network": "a", "settings": "x=1", "time": 5})
    again = store_of(path, ("network", "settings"), ("time",))
    assert {"network": "a", "settings": "x=1"} in again
    assert {"network": "a", "settings": "x=2"} not in again


def test_half_a_line_is_dropped_and_the_rows_before_it_stay(tmp_path, store_of):
    path = tmp_path / "part.csv"
    store = store_of(path, ("network",), ("time", "rate"))
    store.add({"network": "a", "time": 5, "rate": 1})
    with path.open("a") as file:
        file.write("b,7")
    again = store_of(path, ("network",), ("time", "rate"))
    assert list(again.rows) == [("a",)]
    again.add({"network": "b", "time": 8, "rate": 2})
    assert path.read_text() == "network,time,rate\na,5,1\nb,8,2\n"


def test_rows_of_other_columns_are_not_mistaken_for_these(tmp_path, store_of):
    path = tmp_path / "part.csv"
    store_of(path, ("network",), ("time",)).add({"network": "a", "time": 5})
    assert not store_of(path, ("network", "settings"), ("time",)).rows


@pytest.mark.parametrize("part", PARTS)
def test_every_kept_row_has_a_time_or_says_why_not(part):
    kept = rows(part)
    assert kept
    assert all(row["time_fs"] or row["skipped"] for row in kept)
    assert all(
        int(row["exposed_fs"]) == int(row["time_fs"]) - int(row["compute_fs"]) for row in kept if row.get("exposed_fs")
    )


def test_critical_paths_sum_to_the_time():
    for row in rows("ablation"):
        if row["time_fs"]:
            parts = [float(row[column]) for column in row if column.endswith("_ns")]
            assert sum(parts) == pytest.approx(int(row["time_fs"]) / 1e6, rel=1e-8)


def test_messages_of_one_port_and_four_take_a_ring_as_long():
    """RING runs with the preset's four interfaces: a node of a ring sends on one link alone."""
    changed = {
        (r["network"], r["size_bytes"], r["variant"]): r["time_fs"] for r in rows("ablation") if r["scheme"] == "RING"
    }
    pairs = [
        (time, changed[network, size, "change: base"])
        for (network, size, variant), time in changed.items()
        if variant == "change: one interface a node" and time
    ]
    assert pairs
    assert all(one == four for one, four in pairs)


def test_the_page_holds_what_the_rows_give():
    done = study("report", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_that_is_missing_is_a_dash_and_no_other_run_stands_in_for_it(tmp_path):
    kept = rows("ablation")
    (tmp_path / "results").mkdir()
    with (tmp_path / "results" / "ablation.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(kept[0]), lineterminator="\n")
        writer.writeheader()
        missing = ("torus8x8", "2D-RING", "change: one interface a node", "2097152")
        writer.writerows(r for r in kept if tuple(r[c] for c in ("network", "scheme", "variant", "size_bytes")) != missing)
    done = study("report", "--to", tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "tables" / "ratios.csv").open(newline="") as file:
        ratios = {(change, size): cells for change, size, *cells in csv.reader(file)}
    by_packets, by_messages = ratios["one interface a node", "2 MiB"][::2]
    assert ratios["one interface a node", "2 MiB"] == [by_packets, "-", by_messages, "-"]
    # What does not concern a scheme leaves it as it was.
    assert ratios["estimate: nothing", "2 MiB"] == ratios["base", "2 MiB"]


@pytest.mark.slow
def test_every_part_runs_and_is_not_run_again(tmp_path):
    first = study("all", "--quick", "--to", tmp_path)
    assert first.returncode == 0, first.stderr
    for part in PARTS:
        quick = rows(part, tmp_path)
        assert len(quick) >= 5
        assert list(quick[0]) == list(rows(part)[0])
        assert all(int(row["time_fs"]) > 0 for row in quick)
    before = {path: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    assert study("all", "--quick", "--to", tmp_path).returncode == 0
    assert {path: path.read_bytes() for path in (tmp_path / "results").iterdir()} == before
    assert len(list((tmp_path / "figures").glob("*.png"))) == 7
