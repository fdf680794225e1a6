"""A sweep of twelve small points by an algorithm that can go off, for tests of what a sweep survives."""

import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from collsim.sweep.results import read_results

SIZES = [1024 * k for k in range(1, 13)]
BOMB = Path(__file__).with_name("bomb.py")
RUN = "import sys; from collsim.cli.main import run; run()"


class Sweeping:
    """A folder with a study and its algorithm; `go` runs `collsim sweep` there as a program of its own."""

    def __init__(self, folder):
        self.folder, self.out = folder, folder / "study.sqlite"
        shutil.copy(BOMB, folder / "bomb.py")
        sizes = ", ".join(map(str, SIZES))
        text = f"topologies: ring4\nalgorithms: ./bomb.py\nengines: analytic\nsizes: [{sizes}]\n"
        (folder / "study.yaml").write_text(text)

    def flag(self, *words):
        (self.folder / "flag").write_text(" ".join(map(str, words)))

    def start(self, *words, before=""):
        command = [sys.executable, "-c", before + RUN, "sweep", "study.yaml", *words]
        # Shells start background jobs with SIGINT ignored, and a test run in one would hand that on.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, cwd=self.folder, start_new_session=True, **pipes)
        signal.signal(signal.SIGINT, handler)
        return process

    def go(self, *words, before=""):
        process = self.start(*words, before=before)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def asked(self):
        """How often each size was run."""
        log = self.folder / "log"
        return Counter(map(int, log.read_text().split())) if log.exists() else Counter()

    def rows(self):
        return {row.point["size"]: row for row in read_results(self.out).rows} if self.out.exists() else {}

    def check_whole(self):
        """All points have exactly one row, and its time is that of the ring."""
        import collsim

        rows = read_results(self.out).rows
        assert [row.point["size"] for row in rows] == SIZES
        ring = collsim.sweep("ring4", "ring", SIZES, engines="analytic", jobs=0)
        assert [row.results["time_fs"] for row in rows] == [row.results["time_fs"] for row in ring.rows]
