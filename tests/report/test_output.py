import json
import os
import stat
import threading

import pytest

from collsim.errors import InvalidValue, OutputError, WriteFailed
from collsim.report.output import check_drawable, check_writable, to_json, write_file, write_text


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

    with pytest.raises(WriteFailed, match="No space left on device") as failure:
        write_file(path, full)
    assert failure.value.exit_code == 1
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
    value = {"a": {"b": []}, "c": [{"d": (1, 2)}] * 9, "e": list(range(9)), "f": {}, "g": ['"\n'], "h": [[0.5, 1]] * 9}
    assert json.loads(to_json(value)) == json.loads(json.dumps(value))
    assert '"e": [0, 1, 2, 3, 4, 5, 6, 7, 8],\n' in to_json(value)
    assert to_json({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        to_json({"a": float("nan")})


def test_devices_are_written_to_and_stay_devices():
    write_text("/dev/null", "x")
    with pytest.raises(WriteFailed, match="'/dev/full': No space left on device"):
        write_text("/dev/full", "x")
    assert all(stat.S_ISCHR(os.stat(path).st_mode) for path in ("/dev/null", "/dev/full"))


def test_a_pipe_gets_the_whole_text(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "all of it")
    reader.join(timeout=10)
    assert read == ["all of it"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_symbolic_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "out.json")
    write_text(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real" / "out.json").read_text() == "new"
    assert os.listdir(tmp_path / "real") == ["out.json"]


def test_a_folder_that_takes_no_files_is_named():
    with pytest.raises(OutputError, match="Cannot write '/proc/"):
        write_text("/proc/out.json", "x")


def test_a_file_needs_a_name_and_an_image_a_known_ending(tmp_path):
    with pytest.raises(OutputError, match="without a name"):
        check_writable("")
    with pytest.raises(InvalidValue, match=r"\.png, \.svg, \.pdf"):
        check_drawable(tmp_path / "out.txt")
