"""Pages read without a browser: what they say, escape and refuse; test_pages_browser.py has the rest."""

import json
import re

import pytest
from lxml import html as parser

from collsim.cli.main import invoke
from collsim.errors import FileFormatError, InvalidValue
from collsim.report.output import to_json
from collsim.report.page.html import shown
from collsim.report.page.rows import rows_page
from collsim.simulate import simulate
from collsim.sweep.compare import compare
from collsim.sweep.pages import page_of, page_of_file
from collsim.topology import load

EVIL = '<script>alert("x")</script>'


def read(page):
    tree = parser.fromstring(page)
    facts = {}
    for row in tree.xpath("//table[@class='facts']//tr"):
        facts[row[0].text_content()] = row[1].text_content()
    tables = [
        (
            [cell.text_content() for cell in table.xpath(".//thead//th")],
            [[cell.text_content() for cell in row] for row in table.xpath(".//tbody/tr")],
        )
        for table in tree.xpath("//table[@class='sortable']")
    ]
    return tree, facts, tables


@pytest.fixture(scope="module")
def outcome():
    return simulate("torus3x3", "multitree", size="64KiB", baseline="ring", crossings=True)


def test_a_run_says_what_the_report_says(outcome):
    tree, facts, tables = read(page_of(outcome))
    assert tree.xpath("//h1")[0].text_content() == "all-reduce of 64 KiB on torus3x3 by multitree"
    assert facts["Time"].startswith(outcome.summary()["time"])
    assert facts["topology (sha256)"] == outcome.result.provenance["topology"]
    assert facts["settings"] == "defaults"
    (heads, parts), (_, links), (_, steps) = tables
    assert heads == ["part", "time", "share"]
    assert parts[0][0] == next(iter(outcome.critical_shares())).replace("_", " ")
    assert len(links) == outcome.topology.links
    assert sum(int(row[1]) for row in steps) == outcome.schedule.transfers
    says = [title.text_content() for title in tree.xpath("//*[local-name()='svg']//*[local-name()='title']")]
    link = outcome.bottleneck
    assert any(text.startswith(f"{outcome.topology.link_name(link)}\n{outcome.link_use[link]:.1%}") for text in says)
    bars = [text for text in says if " of chunk " in text]
    assert len(bars) == len(outcome.crossings)


def test_a_page_loads_nothing(outcome):
    for page in (page_of(outcome), page_of(compare("ring4", ["ring"], "4KiB", engine="analytic"))):
        assert set(re.findall(r"""https?://[^"'\s<]*""", page)) == {"http://www.w3.org/2000/svg"}
        assert not parser.fromstring(page).xpath("//@src | //@href | //link | //img | //iframe")
        assert "default-src 'none'" in page


def test_names_are_escaped_everywhere():
    machine = load("ring4")
    object.__setattr__(machine, "names", tuple(f"{EVIL}{k}" for k in range(4)))
    object.__setattr__(machine, "name", EVIL)
    run = simulate(machine, "ring", size="4KiB", crossings=True)
    pages = [page_of(run), page_of(compare(machine, ["ring"], "4KiB,8KiB", engine="analytic"))]
    for page in pages:
        assert EVIL not in page
        assert len(parser.fromstring(page).xpath("//script")) == 1


def test_a_comparison_has_a_figure_for_each_measure():
    found = compare("torus4x4", ["ring", "multitree", "halving-doubling"], "4KiB,64KiB", engine="analytic")
    tree, facts, ((heads, rows),) = read(page_of(found))
    assert facts["topology"] == "torus4x4"
    assert heads[:4] == ["algorithm", "size", "time", "algorithm bandwidth"]
    assert len(rows) == len(found.outcomes)
    measures = tree.xpath("//figure/@data-measure")
    assert measures[:3] == ["time", "algorithm bandwidth", "bus bandwidth"]
    assert not tree.xpath("//figure[@hidden]")  # without the script all of them are there
    dots = tree.xpath("(//figure)[1]//*[local-name()='path'][*[local-name()='title']]")
    assert len(dots) == len(found.outcomes)
    one = compare("ring4", ["ring", "multitree"], "4KiB", engine="analytic")
    assert len(read(page_of(one))[0].xpath("(//figure)[1]//*[local-name()='rect']")) == 2


def test_refusals_are_told():
    found = compare("torus3x3", ["recursive-doubling", "ring"], "4KiB", engine="analytic")
    facts = read(page_of(found))[1]
    assert "no power of 2" in facts["left out: recursive-doubling at 4 KiB"]


def test_files_of_run_and_compare_and_sweep(tmp_path, capsys):
    words = ("--topo", "ring4", "--engine", "analytic")
    files = {name: tmp_path / f"{name}.json" for name in ("run", "compare")}
    assert invoke(["run", *words, "--algo", "ring", "--size", "4KiB", "--json", str(files["run"])]) == 0
    assert invoke(["compare", *words, "--algos", "ring", "--sizes", "4KiB,8KiB", "--json", str(files["compare"])]) == 0
    study = tmp_path / "study.yaml"
    study.write_text(
        "topologies: [ring4, ring8]\nalgorithms: [ring, recursive-doubling]\nsizes: [4KiB, 8KiB]\nengine: analytic\n"
    )
    assert invoke(["sweep", str(study), "--jobs", "1"]) in (0, 1)
    for source in (*files.values(), tmp_path / "study.sqlite"):
        out = tmp_path / "out.html"
        assert invoke(["report", str(out), "--from", str(source)]) == 0
        tree, facts, tables = read(out.read_text())
        assert facts
        assert tables
    assert [len(rows) for _, rows in tables] == [8]
    assert facts["points"].startswith("8 points")
    assert len(tree.xpath("(//figure)[1]//*[local-name()='polyline']")) == 4


@pytest.mark.parametrize(
    "content, why",
    [
        ("{", "neither JSON"),
        ("[]", "neither a run"),
        ('{"critical_path": 3}', "write it again"),
        ('{"a": 1}', "neither a run"),
    ],
)
def test_other_files_are_refused(tmp_path, content, why):
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(FileFormatError, match=why):
        page_of_file(path)
    with pytest.raises(InvalidValue, match="No such file"):
        page_of_file(tmp_path / "none.json")


def test_a_run_or_a_comparison_is_made(tmp_path, capsys):
    one, many = tmp_path / "one.html", tmp_path / "many.html"
    words = ("--topo", "ring4", "--algo", "ring", "--engine", "analytic")
    assert invoke(["report", str(one), *words, "--size", "4KiB"]) == 0
    assert invoke(["report", str(many), *words, "--size", "4KiB:16KiB:x2", "--baseline", "direct"]) == 0
    assert "Where the time goes" in one.read_text()
    assert read(many.read_text())[2][0][1][0][0] == "direct"
    assert capsys.readouterr().out == f"Wrote {one}\nWrote {many}\n"


@pytest.mark.parametrize("words", [(), ("--topo", "ring4", "--from", "x.json")])
def test_a_report_is_of_one_thing(words, tmp_path, capsys):
    assert invoke(["report", str(tmp_path / "out.html"), *words]) == 2
    assert "either --topo" in capsys.readouterr().err


def links_of(page):
    tree, _, tables = read(page)
    (heading,) = (h for h in tree.xpath("//h2") if h.text_content() == "Links")
    drawn = heading.getparent().xpath(".//*[local-name()='svg']")
    (table,) = (rows for heads, rows in tables if heads[0] == "link")
    return [parser.tostring(svg) for svg in drawn], table


@pytest.mark.parametrize("topo", ["torus3x3", "dgx-a100-x2", "leafspine2x4x2"])
def test_a_saved_run_shows_its_links_as_the_run_itself_does(topo, tmp_path):
    found = simulate(topo, "multitree", size="64KiB", baseline="ring", fail=["h0->h1"] if topo == "torus3x3" else ())
    path = tmp_path / "run.json"
    path.write_text(to_json(found.to_dict()))
    assert links_of(page_of_file(path)) == links_of(page_of(found))
    page = page_of_file(path)
    assert "does not hold the time of each transfer" in page
    facts = read(page)[1]
    assert facts["time"] == found.summary()["time"]
    assert facts["algorithm bandwidth"] == found.summary()["algbw"]
    assert not [label for label in facts if label.endswith(("_s", "_bytes"))]
    assert "Against the baseline" in page


def test_a_saved_run_says_that_it_lacks_links(outcome, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(outcome.to_dict() | {"link_table": None}))
    assert "does not hold the use of each link" in page_of_file(path)
    before = {name: value for name, value in outcome.to_dict().items() if name != "link_table"}
    path.write_text(json.dumps(before))
    assert "does not hold the use of each link" in page_of_file(path)


def test_links_that_do_not_fit_their_machine_are_refused(outcome, tmp_path):
    path, value = tmp_path / "run.json", outcome.to_dict()
    for name, entry in (("busy_fs", [1, 2]), ("source", [0, 1]), ("bytes", "many")):
        path.write_text(json.dumps(value | {"link_table": value["link_table"] | {name: entry}}))
        with pytest.raises(FileFormatError, match="write it again"):
            page_of_file(path)


def test_values_carry_their_units():
    cases = {
        ("time_s", 1e-6): "1 us",
        ("ready_fs", 10**9): "1 us",
        ("algbw_bytes_per_s", 16e9): "16 GB/s",
        ("size_bytes", 4096): "4 KiB",
        ("percent_of_bound", 12.34): "12.3 %",
        ("speedup", 2.0): "2x",
        ("verified", True): "yes",
        ("steps", 1234): "1,234",
        ("error", None): "-",
        ("samples_per_s", 1234.5): "1,234",
        ("wall_s", 0.25): "0.25 s",
    }
    assert {case: shown(*case) for case in cases} == cases


def test_of_many_series_the_first_are_shown_and_all_are_there():
    found = [
        {"topology": f"ring{n}", "network.header": h, "size": 2**k, "time_s": n * 2.0**k}
        for n in range(9)
        for h in (0, 64, 128)
        for k in (10, 12)
    ]
    found = [record | {"time_s": record["time_s"] + 1e-6} for record in found]
    tree = parser.fromstring(rows_page("many", [], found, ["topology", "network.header", "size"]))
    (drawn,) = tree.xpath("//figure")
    assert json.loads(drawn.get("data-told")) == ["topology", "header"]
    lines = drawn.xpath(".//*[local-name()='g'][@class='series']")
    assert len(lines) == 27
    assert [line.get("hidden") is None for line in lines] == [True] * 24 + [False] * 3
    assert json.loads(lines[1].get("data-of")) == ["ring0", "64 B"]
    keys = [line.xpath(".//*[local-name()='text']")[0].text_content() for line in lines]
    assert keys[1].endswith("ring0, header 64 B")
    looks = {
        (line.get("style"), *line.xpath("./*[local-name()='polyline']/@stroke-dasharray"), line[1].get("d"))
        for line in lines
    }
    assert len(looks) == 27


def test_lines_are_told_apart_without_their_colours():
    tree = parser.fromstring(page_of(compare("ring4", ["ring", "multitree", "direct"], "4KiB,8KiB", engine="analytic")))
    lines = tree.xpath("(//figure)[1]//*[local-name()='g'][@class='series']")
    assert len({line[1].get("d") for line in lines}) == 3
