"""Pages of the documentation, read as what they promise: files to make, commands and code to run, output to see.

Within a page everything happens in order, in one folder and one Python session. A code block behind words that end in
"`name`:" or "`name`," is that file. A console block holds commands behind "$ " with what each prints, lines left out marked
"..."; nothing shown is nothing compared. A Python block is run, and a text block right behind it is what it prints.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

from collsim.cli.main import invoke

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`([\w.-]+\.\w+)`[:,]\Z")
SECONDS = re.compile(r"\bin \d+(\.\d+)? m?s\b")
"""How long a run took on the clock, which differs."""


def transcripts(block):
    """Return [(command, what it prints)] of a console block."""
    return [tuple(part.split("\n", 1)) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def lines_of(text):
    """Return the lines of `text` without times on the clock and blanks at their ends: columns stand as they are printed."""
    return [SECONDS.sub("in s", line).rstrip() for line in text.strip().splitlines()]


def compare(printed, shown, what):
    """Assert that `printed` is what is `shown`, any number of lines standing for a line "..."."""
    lines, wanted = lines_of(printed), lines_of(shown)
    if "..." not in wanted:
        assert lines == wanted, what
        return
    lines, at = [line for line in lines if line], 0
    for part in " \n".join(wanted).split("..."):
        piece = [line.rstrip() for line in part.splitlines() if line.strip()]
        found = next((k for k in range(at, len(lines) + 1) if lines[k : k + len(piece)] == piece), None)
        assert found is not None, f"{what}: {piece} is not printed:\n" + "\n".join(lines)
        at = found + len(piece)
    assert wanted[-1] == "..." or at == len(lines), what


def run_command(command, shown="", code=0):
    """Run a `collsim` command in this process; it has to leave with `code` and to print what is shown."""
    words = shlex.split(command)
    assert words[0] == "collsim", command
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        left = invoke(words[1:])
    assert left == code, command
    if shown.strip():
        compare(out.getvalue(), shown, command)


def perform(text, folder, session=None):
    """Do what a page says, in `folder`, which is the working folder; return {what was done: how often}."""
    session, done, printed = session or {"__name__": "__main__"}, {"file": 0, "command": 0, "code": 0, "output": 0}, None
    for match in BLOCK.finditer(text):
        language, body = match.groups()
        name = FILE.search(text[: match.start()].rstrip())
        if name:
            (folder / name[1]).write_text(body)
            done["file"] += 1
        elif language == "console":
            for command, shown in transcripts(body):
                run_command(command, shown)
                done["command"] += 1
        elif language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(body, "the page", "exec"), session)
            done["code"] += 1
        elif language == "text" and printed is not None:
            compare(printed, body, "what the code before prints")
            done["output"] += 1
        printed = out.getvalue() if language == "python" and not name else None
    return done
