"""An algorithm for tests of sweeps: a ring that notes each size it is asked for, and does harm at one of them.

Beside it lies `flag` with three words: what happens, to whom, and at which size. It happens once, or always if a fourth
word says so. The harm comes from the point itself, so that tests need no luck; a process named by its number is spared
until a row is written.
"""

import os
import signal
from pathlib import Path
from time import sleep

from collsim.collectives.algorithm import ALGORITHMS, Formula, algorithm
from collsim.sweep.results import read_results

FOLDER = Path(__file__).parent
NOTHING = Formula("unknown", lambda *_: None)


@algorithm(
    "bomb",
    title="a ring that may go off",
    source="tests",
    needs="nothing",
    collectives=("all-reduce",),
    steps=NOTHING,
    volume=NOTHING,
    size_free=False,
    suits=("ring4",),
)
def bomb(topology, collective, hosts, hint):
    with (FOLDER / "log").open("a") as log:
        log.write(f"{hint.size}\n")
    flag = FOLDER / "flag"
    words = flag.read_text().split() if flag.exists() else []
    if words and hint.size == int(words[2]):
        if "always" not in words:
            flag.unlink()
        go_off(words[0], words[1])
    return ALGORITHMS.get("ring").schedule(topology, collective, hosts, hint)


def go_off(what, whom):
    if what == "raise":
        raise ZeroDivisionError("on purpose")
    if what == "exit":
        raise SystemExit(3)
    if what == "mumble":
        raise ValueError("half a character \udc80, " + "and a long story " * 10_000)
    if what == "hang":
        signal.pause()
    if whom == "group":
        os.killpg(os.getpgid(0), signal.Signals[what])
        return
    if whom.isdecimal():
        wait_for_a_row()
    os.kill({"parent": os.getppid(), "self": os.getpid()}.get(whom) or int(whom), signal.Signals[what])
    if whom == "parent" and what == "SIGKILL":
        signal.pause()


def wait_for_a_row():
    results = FOLDER / "study.sqlite"
    for _ in range(1000):
        if results.exists() and read_results(results).rows:
            return
        sleep(0.01)
    raise TimeoutError("No row was written in ten seconds.")
