"""docs/: pages are found, their links lead somewhere, the tutorial does what it shows, and Sphinx has nothing to say."""

import importlib
import importlib.util
import re
import subprocess
import sys

import pytest
from pages import DOCS, ROOT, compare, perform, run_command, transcripts

import collsim
from collsim.cli.main import cli
from collsim.topology.family import FAMILIES
from collsim.topology.files import READERS

PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("api/*.md")])
TEXTS = [
    *PAGES,
    ROOT / "README.md",
    *ROOT.glob("notebooks/*.md"),
    *ROOT.glob("benchmarks/*.md"),
    *ROOT.glob("experiments/*/*.md"),
]
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(path):
    return FENCE.sub("", path.read_text())


def anchors(path):
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-") for title in titles}


def test_every_page_is_in_the_index_once():
    listed = re.findall(r"^\* \[.+?\]\((.+?\.md)\)", (DOCS / "index.md").read_text(), re.MULTILINE)
    found = {str(path.relative_to(DOCS)) for path in PAGES} - {"index.md"}
    assert sorted(listed) == sorted(found), "give each page of docs/ one line in docs/index.md"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for link in LINK.findall(prose(path)):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", ["index.md", "README.md"])
def test_readme_and_index_lead_to_each_other(name):
    start = ROOT / name if name == "README.md" else DOCS / name
    reached, todo = set(), [start]
    while todo:
        path = todo.pop()
        for link in LINK.findall(prose(path)):
            target = (path.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in reached:
                reached.add(target)
                todo.append(target)
    assert set(PAGES) - {start} <= reached


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_are_named_exist(path):
    for words in re.findall(r"`collsim ([a-z][^`]*)`", prose(path)):
        command = cli
        for word in words.split():
            if word.isupper() or not hasattr(command, "commands"):
                break
            assert word in command.commands, f"collsim {words}"
            command = command.commands[word]
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        for option in re.findall(r"(?<= )--[a-z][a-z-]*", words):
            assert option in options, f"collsim {words}"


def test_every_public_name_is_in_the_python_page():
    page = (DOCS / "python-api.md").read_text()
    for name in collsim.__all__:
        assert re.search(rf"\b{name}\b", page), f"docs/python-api.md does not name collsim.{name}"
        assert getattr(collsim, name) is not None


def test_every_public_name_is_in_the_reference():
    pages = " ".join(path.read_text() for path in DOCS.glob("api/*.md"))
    listed = set(re.findall(r"auto(?:module|class|function):: (\S+)", pages))
    for name in collsim.__all__:
        made = getattr(collsim, name)
        if not isinstance(made, (int, str)) and name != "sweep":  # `sweep` is a package that can be called
            place = type(made).__module__ if not hasattr(made, "__qualname__") else made.__module__
            assert listed & {place, f"{place}.{getattr(made, '__qualname__', '')}"}, (
                f"docs/api lacks {place}, of collsim.{name}"
            )


def test_everything_in_the_reference_has_a_docstring():
    pages = " ".join(path.read_text() for path in DOCS.glob("api/*.md"))
    for name in re.findall(r"automodule:: (\S+)", pages):
        module = importlib.import_module(name)
        assert module.__doc__, name
        for public in module.__all__:
            made = getattr(module, public)
            if not callable(made) or made.__module__ != name:
                continue
            assert made.__doc__, f"{name}.{public}"
            methods = vars(made).items() if isinstance(made, type) else ()
            for method, function in methods:
                if callable(function) and not method.startswith("_"):
                    assert function.__doc__, f"{name}.{public}.{method}"


def test_bytes_of_records_are_those_of_the_kernels():
    from collsim.engines.compiled.layout import FLOW, GRANT, MESSAGE
    from collsim.engines.compiled.trains.layout import MESSAGE as OF_TRAINS

    decisions, performance = (" ".join((DOCS / f"{name}.md").read_text().split()) for name in ("decisions", "performance"))
    assert f"20 million grants ({GRANT.itemsize} bytes each" in decisions
    assert f"its record ({MESSAGE.itemsize}) and its place at a port ({FLOW.itemsize})" in performance
    assert f"{OF_TRAINS.itemsize} bytes of state" in performance


@pytest.mark.slow
def test_the_tutorial_does_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "tutorial.md").read_text()
    done = perform(text, tmp_path)
    assert done["file"] == 3
    assert done["command"] == text.count("\n$ collsim")
    assert done["code"] == text.count("```python") - 1
    for picture in ("sizes.png", "lab.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


OWN = {
    "tutorial": "below, and compared",
    "pictures": "below",
    "calibrate": "tests/sweep/test_calibrate_page.py",
    "formats": "tests/interop/test_formats_page.py",
    "sweeps": "tests/sweep/test_sweeps_page.py",
}
"""Pages whose commands build on one another or on files, and which test runs them."""

STAR = re.search(r"```python\n(.*?)```", (DOCS / "add-an-algorithm.md").read_text(), re.DOTALL)[1]


def commands_of(page):
    """Return [(command, what the page shows of its output)] of all blocks, whatever their language."""
    found = []
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        if language not in ("python", "pycon", "yaml"):
            body = body.replace("\\\n", " ")
            plain = [(line, "") for line in re.findall(r"^collsim .+", body, re.MULTILINE)]
            found += transcripts(body) if re.match(r"\$ ", body) else plain
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in DOCS.glob("*.md") if commands_of(path.read_text())))
def test_every_command_of_a_page_prints_what_it_shows(name, tmp_path, monkeypatch):
    if name in OWN:
        return
    monkeypatch.chdir(tmp_path)
    (tmp_path / "star.py").write_text(STAR)
    for command, shown in commands_of((DOCS / f"{name}.md").read_text()):
        run_command(command, shown, code=1 if "allow_deadlock=true" in command else 0)


@pytest.fixture
def as_before():
    """Forget what a page registers."""
    kept = [
        (registry, dict(registry._entries), dict(registry._aliases)) for registry in (FAMILIES, READERS) if list(registry)
    ]
    yield
    for registry, entries, aliases in kept:
        registry._entries, registry._aliases = entries, aliases


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("page", ["add-a-topology", "add-a-format", "add-a-workload"])
def test_the_examples_of_adding_something_work(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = perform((DOCS / f"{page}.md").read_text(), tmp_path)
    assert done["code"] >= 2
    assert done["output"] >= 1


@pytest.mark.slow
def test_the_page_of_pictures_writes_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "pictures.md").read_text()
    perform(text, tmp_path)
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for command in block.splitlines():
            run_command(command)
    for name in re.findall(r"\b(\w+\.(?:json|png|html))\b", " ".join(re.findall(r"^collsim .*$", text, re.MULTILINE))):
        assert (tmp_path / name).stat().st_size > 1000, name


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser")), reason="needs the extra docs"
)
def test_the_pages_build_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run([*command, str(DOCS), str(tmp_path / "html")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    reference = (tmp_path / "html" / "api" / "collectives.html").read_text()
    assert "collsim.collectives.schedule.ScheduleBuilder" in reference
    index = (tmp_path / "html" / "index.html").read_text()
    assert index.index("How to add") < index.index("Background")


def test_a_transcript_that_differs_is_found():
    (pair,) = transcripts("$ collsim run\na 1\nb\nc\n")
    assert pair == ("collsim run", "a 1\nb\nc\n")
    compare("a 1\nb\nc\n", pair[1], "")
    compare("a 1\nb\nc\n", "a 1\n...\nc\n", "")
    compare("a 1\nb\nc\n", "a 1\n...\n", "")
    for shown in ("a  1\nb\nc\n", "a 2\nb\nc\n", "a 1\nb\n", "a 1\n...\nd\n", "b\n...\n...\na 1\n", "...\nb\n"):
        with pytest.raises(AssertionError):
            compare("a 1\nb\nc\n", shown, "")
