import json
import os

import pytest

from collsim.errors import OutputError
from collsim.report.output import check_writable, to_json, write_file, write_text


def test_a_file_is_written_whole_and_replaced(tmp_path):
    path = tmp_path / "out.json"
    write_text(path, "old")
    write_text(path, "new é")
    assert path.read_text(encoding="utf-8") == "new é"
    assert os.listdir(tmp_path) == ["out.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.png"
    write_text(path, "old")

    def full(temporary):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        write_file(path, full)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.png"]


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def interrupted(temporary):
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "out.csv", interrupted)
    assert os.listdir(tmp_path) == []


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_text(tmp_path / "ours", "x")
    (tmp_path / "theirs").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@pytest.mark.parametrize("name, why", [("missing/out.json", "does not exist"), (".", "is a folder")])
def test_impossible_places_are_refused_before_the_run(tmp_path, name, why):
    with pytest.raises(OutputError, match=why):
        check_writable(tmp_path / name)


def test_json_has_no_values_that_others_cannot_read():
    assert json.loads(to_json({"a": [1, None]})) == {"a": [1, None]}
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": float("nan")})
