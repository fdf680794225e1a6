"""Every check of the project, in order of speed: format, lint, types, import contracts, tests.

Run as `python tests/check.py`; with `--all` the slow tests too. Stops at the first check that fails and returns its code.
Kernels that the tests need are compiled beside the other checks, which leave a core idle.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    marks = ["-m", ""] if "--all" in arguments else ["-m", "not slow"]
    python = [sys.executable, "-m"]
    checks = {
        "format": [*python, "ruff", "format", "--check", "."],
        "lint": [*python, "ruff", "check", "."],
        "types": [*python, "mypy"],
        "import contracts": [sys.executable, "-c", "import sys, importlinter.cli as c; sys.exit(c.lint_imports())"],
        "tests": [*python, "pytest", "-n", "auto", "--dist", "worksteal", *marks],
    }
    warm = [*python, "collsim", "doctor", "--warm"]
    with subprocess.Popen(warm, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as kernels:
        for name, command in checks.items():
            if name == "tests":
                kernels.wait()
            print(f"== {name}", flush=True)
            code = subprocess.run(command, cwd=ROOT, check=False).returncode
            if code:
                print(f"The check '{name}' failed with exit code {code}.")
                kernels.kill()
                return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
