"""`collsim sweep`, `collsim results` and `collsim diff` as a user meets them: files, tables, exit codes, sentences."""

import csv
import io
import json

import pytest

from collsim.cli.main import invoke

STUDY = """
topologies: [ring4, torus3x3]
algorithms: [ring, recursive-doubling]
sizes: [16KiB, 64KiB]
engines: analytic
"""


@pytest.fixture
def go(capsys, tmp_path, monkeypatch):
    """Run the command line in a folder with `study.yaml` and return (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY)

    def run(*words):
        code = invoke(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def swept(go, *words):
    return go("sweep", "study.yaml", "--jobs", "0", *words)


def test_a_sweep_says_what_it_did_and_a_second_one_that_nothing_was_left(go, tmp_path):
    code, out, err = swept(go)
    assert (code, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines()[:4])
    assert lines["Points"] == "8: 6 done, 2 refused"
    assert lines["Before"] == "0 had a row already"
    assert lines["Now"].startswith("8 points in ")
    assert lines["Now"].endswith(" by this process")
    assert "recursive-doubling cannot run on torus3x3" in out
    assert out.splitlines()[-1].split(maxsplit=2) == ["Try", "next", "collsim results study.sqlite"]
    assert (tmp_path / "study.sqlite").exists()
    code, out, _ = swept(go)
    assert code == 0
    assert "8 had a row already" in out
    assert "0 points in " in out


def test_a_dry_run_lists_the_points_and_writes_nothing(go, tmp_path):
    code, out, _ = swept(go, "--dry-run")
    assert code == 0
    table = [line.split() for line in out.splitlines()]
    assert table[0] == ["topology", "size", "algorithm", "state"]
    assert table[1] == ["ring4", "16", "KiB", "ring", "to", "run"]
    states = [(line[0], line[-2], line[-1]) for line in table[1:9]]
    assert [state for _, _, state in states].count("run") == 6
    assert [line for line in states if line[2] == "refused"] == [("torus3x3", "recursive-doubling", "refused")] * 2
    assert "Refused: recursive-doubling cannot run on torus3x3" in out
    assert out.splitlines()[-1] == "8 points; 0 have a row in study.sqlite."
    assert not (tmp_path / "study.sqlite").exists()
    swept(go)
    assert "done" in swept(go, "--dry-run")[1].splitlines()[1]


def test_csv_and_parquet_hold_one_row_a_point(go, tmp_path):
    code, out, err = swept(go, "--csv", "-", "--parquet", "out.parquet", "--out", "other.sqlite")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 8
    assert {row["status"] for row in rows} == {"done", "refused"}
    assert rows[0]["size"] == "16384"
    assert (tmp_path / "other.sqlite").exists()
    assert (tmp_path / "out.parquet").read_bytes()[:4] == b"PAR1"


def test_results_are_a_table_of_what_differs(go):
    swept(go)
    code, out, _ = go("results", "study.sqlite")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["topology", "size", "algorithm", "state", "time", "algbw", "of", "bound"]
    assert lines[1].split()[:5] == ["ring4", "16", "KiB", "ring", "done"]
    assert lines[-1] == "8 points: 6 done, 0 failed, 2 refused."
    assert len(lines) == 10
    code, out, _ = go("results", "study.sqlite", "--status", "refused", "--rows", "1")
    assert "2 points: 0 done, 0 failed, 2 refused; 1 are not shown" in out
    code, out, _ = go("results", "study.sqlite", "--json", "-")
    value = json.loads(out)
    assert value["points"] == {"done": 6, "failed": 0, "refused": 2}
    assert len(value["rows"]) == 8


def test_a_diff_tells_what_changed_and_fails_only_when_asked(go, tmp_path):
    swept(go)
    text = (tmp_path / "study.yaml").read_text()
    (tmp_path / "study.yaml").write_text(text.replace("sizes: [16KiB, 64KiB]", "sizes: [16KiB]"))
    swept(go, "--out", "less.sqlite")
    code, out, _ = go("diff", "study.sqlite", "study.sqlite", "--fail-on-change")
    assert (code, "Alike        8 points" in out) == (0, True)
    code, out, _ = go("diff", "study.sqlite", "less.sqlite")
    assert code == 0
    assert "Only before  4 points" in out
    assert go("diff", "study.sqlite", "less.sqlite", "--fail-on-change")[0] == 1
    code, out, _ = go("diff", "study.sqlite", "less.sqlite", "--json", "-")
    assert len(json.loads(out)["only_before"]) == 4


def test_a_diff_shows_times_and_ratios(go, tmp_path):
    import sqlite3

    swept(go)
    swept(go, "--out", "later.sqlite")
    base = sqlite3.connect(tmp_path / "later.sqlite")
    base.execute(
        "UPDATE points SET results = json_set(results, '$.time_fs', 2 * json_extract(results, '$.time_fs')) "
        "WHERE topology = 'ring4' AND algorithm = 'ring' AND size = 16384"
    )
    base.commit()
    base.close()
    code, out, _ = go("diff", "study.sqlite", "later.sqlite", "--csv", "diff.csv")
    assert code == 0
    assert "Changed      1 points" in out
    assert out.splitlines()[-1].split()[0] == "ring4"
    assert out.splitlines()[-1].endswith("2x")
    (row,) = csv.DictReader((tmp_path / "diff.csv").open())
    assert (row["ratio"], row["differs"]) == ("2.0", "time_fs")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("sweep", "none.yaml"), "Cannot read the sweep 'none.yaml': No such file"),
        (("sweep", "study.yaml", "--csv", "no/where.csv"), "Cannot write 'no/where.csv'"),
        (("sweep", "study.yaml", "--jobs", "-2"), "give 1 or more"),
        (
            ("sweep", "study.yaml", "--out", "study.yaml"),
            "'study.yaml' holds no results of a sweep, or is damaged: file is not a database",
        ),
        (("results", "none.sqlite"), "There are no results in 'none.sqlite'"),
        (("results", "study.yaml"), "file is not a database"),
        (("diff", "none.sqlite", "none.sqlite"), "There are no results in 'none.sqlite'"),
        (("results", "study.yaml", "--json", "-", "--csv", "-"), "Only one of --json and --csv"),
        (("diff", "a", "b", "--tolerance", "x"), "'x' is not a valid float"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(go, words, sentence):
    code, out, err = go(*words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
