"""Compiling: told once a package, by one process at a time, and Ctrl-C raised where nobody swallows it."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from collsim.jit.guard import alone, interruptible
from collsim.jit.notice import COMPILING, listening, tell

SCRIPT = """
import sys, threading
sys.path[:0] = sys.argv[1:]
from collsim.jit.notice import listening
told = []
with listening(lambda what, sources: told.append(f"{what}:{sources.name}")):
    import one, two
    found = one.twice(3), one.twice(1.5), one.again(2), two.half(8)
print(found, *told)
"""
ONE = """
from collsim.jit.compile import kernel, small_kernel

@small_kernel
def part(x):
    return x + x

@kernel
def twice(x):
    return part(x)

@kernel
def again(x):
    return part(part(x))
"""
TWO = """
from collsim.jit.compile import kernel

@kernel
def half(x):
    return x // 2
"""


@pytest.fixture
def script(tmp_path):
    """Start a program that runs kernels of two packages, with a cache of its own that all starts share."""
    for name, text in (("one", ONE), ("two", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text(text)
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "one"), str(tmp_path / "two")]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    return lambda: subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)


def test_each_package_is_told_once_and_only_what_is_missing(script, tmp_path):
    right = "(6, 3.0, 8, 4)"
    assert script().communicate()[0].split("\n")[0] == f"{right} compiling:one compiling:two"
    assert script().communicate()[0] == f"{right}\n"
    (tmp_path / "two" / "two.py").write_text(TWO + "\n")
    assert script().communicate()[0] == f"{right} compiling:two\n"


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_damaged_files_are_compiled_anew_and_mended(script, tmp_path, suffix):
    right = "(6, 3.0, 8, 4)"
    script().communicate()
    for number, file in enumerate(sorted((tmp_path / "cache").rglob(f"*.{suffix}"))):
        file.write_bytes((b"", b"\x80", b"garbage")[number % 3])
    assert script().communicate()[0].startswith(f"{right} compiling:")
    assert script().communicate()[0] == f"{right}\n"


def test_a_full_disk_costs_time_and_not_the_run(script, tmp_path):
    (tmp_path / "one" / "one.py").write_text(
        ONE.replace("@kernel", "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n@kernel", 1)
    )
    assert script().communicate()[0].startswith("(6, 3.0, 8, 4) compiling:")


def test_processes_that_start_together_are_right_and_leave_a_whole_cache(script):
    together = [script() for _ in range(3)]
    outs = [process.communicate()[0] for process in together]
    assert all(out.startswith("(6, 3.0, 8, 4)") for out in outs)
    assert sum("compiling:one" in out for out in outs) >= 1
    assert script().communicate()[0] == "(6, 3.0, 8, 4)\n"


def test_a_lock_is_waited_for_and_said_so(tmp_path):
    lock, order = tmp_path / "lock", []
    with alone(lock, lambda: order.append("never")) as waited:
        assert not waited
        other = threading.Thread(target=_second, args=(lock, order, entered := threading.Event()))
        other.start()
        assert entered.wait(10)
        order.append("first leaves")
    other.join(10)
    assert order == ["waits", "first leaves", "second in, waited True"]


def _second(lock, order, entered):
    def waits():
        order.append("waits")
        entered.set()

    with alone(lock, waits) as waited:
        order.append(f"second in, waited {waited}")


def test_where_no_lock_can_be_made_there_is_no_wait(tmp_path):
    with alone(tmp_path / "missing" / "lock", lambda: pytest.fail("waited")) as waited:
        assert not waited


def test_ctrl_c_is_raised_where_asked_for_or_at_the_end():
    reached = []

    def work(asks):
        with interruptible() as check:
            signal.raise_signal(signal.SIGINT)
            reached.append("kept back")
            if asks:
                check()
            reached.append("not asked")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for asks in (True, False):
            with pytest.raises(KeyboardInterrupt):
                work(asks)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached == ["kept back", "kept back", "not asked"]


def test_a_handler_of_the_user_s_own_is_left_in_place():
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append("mine"))
    try:
        with interruptible() as check:
            signal.raise_signal(signal.SIGINT)
            check()
        assert came == ["mine"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_only_who_listens_is_told(tmp_path):
    told = []
    tell(COMPILING, tmp_path)
    with listening(lambda *what: told.append(what)):
        tell(COMPILING, tmp_path)
        tell(COMPILING, tmp_path)
        other = threading.Thread(target=tell, args=(COMPILING, tmp_path / "other"))
        other.start()
        other.join()
    tell(COMPILING, tmp_path)
    assert told == [(COMPILING, tmp_path)]
