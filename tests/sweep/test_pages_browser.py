"""Pages in a real browser, Chromium without a window: no errors, nothing loaded, tips, sorting, choosing, no script."""

import json
import os
import shutil
import subprocess

import pytest
from lxml import html as parser

from collsim.simulate import simulate
from collsim.sweep.compare import compare
from collsim.sweep.pages import write_report
from collsim.topology import load

pytestmark = pytest.mark.slow
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless", "--disable-gpu", "--no-first-run"),
    *("--disable-extensions", "--enable-logging=stderr", "--dump-dom"),
)
if os.geteuid() == 0:
    FLAGS += ("--no-sandbox",)  # without it Chromium refuses to run for root
WATCH = """<script>
window.wrong = [];
addEventListener("error", (event) => wrong.push(String(event.message)));
document.addEventListener("securitypolicyviolation", (event) => wrong.push(event.violatedDirective));
</script>"""
ACT = """<script>
const found = { wrong, loaded: performance.getEntriesByType("resource").map((entry) => entry.name) };
found.tips = [...document.querySelectorAll("svg [data-tip]")].map((part) => part.dataset.tip);
const marked = document.querySelector("svg [data-tip]");
marked.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
const tip = document.getElementById("tip");
found.tip = { says: tip.textContent, of: marked.dataset.tip, hidden: tip.hidden, on: marked.classList.contains("on") };
document.body.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
found.left = { hidden: tip.hidden, on: marked.classList.contains("on") };
const table = [...document.querySelectorAll("table.sortable")].pop();
const column = Number(document.documentElement.dataset.column);
const head = table.tHead.rows[0].cells[column];
const cells = () => [...table.tBodies[0].rows].map((row) => row.cells[column]);
const values = () => cells().map((cell) => cell.dataset.value ?? cell.textContent);
found.before = values();
head.querySelector("button").click();
found.up = [values(), head.getAttribute("aria-sort")];
head.querySelector("button").click();
found.down = [values(), head.getAttribute("aria-sort")];
const figures = [...document.querySelectorAll("figure[data-measure]")];
const shown = () => figures.filter((figure) => !figure.hidden).map((figure) => figure.dataset.measure);
const choice = document.querySelector("select");
if (choice) {
  found.first = shown();
  choice.value = "speedup";
  choice.dispatchEvent(new Event("change"));
  found.then = shown();
}
MORE
const pre = document.createElement("pre");
pre.id = "found";
pre.textContent = JSON.stringify(found);
document.body.append(pre);
</script>"""


WALK = """
const svg = [...document.querySelectorAll("figure svg")].find((one) => one.viewBox.baseVal.height > 200);
const seen = () => svg.getAttribute("viewBox").split(" ").map(Number);
const press = (key) => svg.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const turned = (ctrlKey) => new WheelEvent("wheel", { deltaY: -1, ctrlKey, bubbles: true, cancelable: true });
const wheel = (ctrlKey) => svg.dispatchEvent(turned(ctrlKey));
found.views = [seen()];
for (const key of ["+", "ArrowRight", "-", "+", "0", "ArrowRight"]) { press(key); found.views.push(seen()); }
for (const ctrl of [false, true]) { wheel(ctrl); found.views.push(seen()); }
svg.closest("figure").querySelector(".tools button:last-of-type").click();
found.views.push(seen());
const all = [...svg.querySelectorAll("[data-tip]")].map((part) => part.dataset.tip);
found.expected = [all[0], all[1], all[0], all.at(-1)];
found.walked = ["n", "n", "p", "p"].map((key) => { press(key); return tip.hidden ? "" : tip.textContent; });
press("Escape");
found.gone = tip.hidden;
found.focus = svg.tabIndex;
"""
CHOOSE = """
const lines = [...figures[0].querySelectorAll("g.series")];
const kept = () => lines.filter((line) => !line.hasAttribute("hidden")).map((line) => line.dataset.of);
const look = (line) => [line.style.color, line.querySelector("path").getAttribute("d")];
found.firstLook = look(lines[0]);
found.all = kept();
const filter = [...document.querySelectorAll("select")].pop();
filter.value = JSON.parse(lines[2].dataset.of)[0];
filter.dispatchEvent(new Event("change"));
found.one = kept();
found.thenLook = look(lines[2]);
filter.value = "all";
filter.dispatchEvent(new Event("change"));
found.again = kept();
"""


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail("There is no Chromium to look at pages with; install it (Debian: apt-get install chromium).")
    return path


def opened(browser, path, folder):
    """Return the page as the browser has it once its script has run, and what the browser said of it."""
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run([browser, *FLAGS, profile, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return parser.fromstring(done.stdout), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def acted(browser, path, folder, column=0, more=""):
    """Return what came of using the page: see ACT; `column` of the last table is sorted; `more` to be done in the end."""
    page = path.read_text().replace("<html ", f'<html data-column="{column}" ', 1)
    head, end = page.index("<title>"), page.rindex("</body>")
    used = folder / "used.html"
    used.write_text(page[:head] + WATCH + page[head:end] + ACT.replace("MORE", more) + page[end:])
    tree, said = opened(browser, used, folder)
    assert said == []
    found = json.loads(tree.get_element_by_id("found").text_content())
    assert found["wrong"] == []
    assert found["loaded"] == []
    assert found["tip"]["says"] == found["tip"]["of"] != ""
    assert (found["tip"]["hidden"], found["tip"]["on"]) == (False, True)
    assert found["left"] == {"hidden": True, "on": False}
    return found


def test_the_page_of_a_run(browser, tmp_path):
    path = tmp_path / "run.html"
    write_report(simulate("torus3x3", "multitree", size="64KiB", baseline="ring", crossings=True), path)
    found = acted(browser, path, tmp_path, column=3)
    up, down = found["up"], found["down"]
    assert up == [sorted(found["before"], key=float), "ascending"]
    assert down == [sorted(found["before"], key=float, reverse=True), "descending"]


def test_the_page_of_a_comparison(browser, tmp_path):
    path = tmp_path / "compare.html"
    write_report(compare("torus4x4", ["ring", "multitree"], "4KiB:4MiB:x4", engine="analytic"), path)
    found = acted(browser, path, tmp_path)
    assert found["up"][0] == ["multitree"] * 6 + ["ring"] * 6
    assert (found["first"], found["then"]) == (["time"], ["speedup"])


def test_names_cannot_act(browser, tmp_path):
    machine, path = load("ring4"), tmp_path / "run.html"
    object.__setattr__(machine, "names", tuple(f"</title><script>wrong.push({k})</script>" for k in range(4)))
    write_report(simulate(machine, "ring", size="4KiB", crossings=True), path)
    assert any("<script>wrong.push(0)</script>" in tip for tip in acted(browser, path, tmp_path)["tips"])


def test_without_script_the_page_reads(browser, tmp_path):
    path = tmp_path / "compare.html"
    write_report(compare("torus4x4", ["ring", "multitree"], "4KiB,4MiB", engine="analytic"), path)
    path.write_text(path.read_text().replace("script-src 'unsafe-inline'", "script-src 'none'"))
    tree, said = opened(browser, path, tmp_path)
    assert "Content Security Policy" in " ".join(said)
    assert not tree.xpath("//select | //button | //figure[@hidden]")
    assert len(tree.xpath("//figure")) == 5
    assert "4 MiB" in tree.xpath("//table[@class='sortable']")[0].text_content()


def test_figures_are_enlarged_and_walked_by_keys(browser, tmp_path):
    path = tmp_path / "run.html"
    write_report(simulate("torus3x3", "multitree", size="64KiB", crossings=True), path)
    found = acted(browser, path, tmp_path, more=WALK)
    whole, near, moved, back, near_again, reset, still, wheel, ctrl, button = found["views"]
    assert near[2] == pytest.approx(whole[2] / 1.5, rel=1e-4)
    assert near[0] == pytest.approx((whole[2] - near[2]) / 2, rel=1e-4)  # the middle stays
    assert moved[0] > near[0]
    assert moved[2] == near[2]
    assert back[2] == pytest.approx(whole[2], rel=1e-4)
    assert near_again[2] < whole[2]
    assert whole == reset == still == wheel == button  # arrows and the wheel alone move the page
    assert ctrl[2] < whole[2]
    assert found["walked"] == found["expected"]
    assert (found["gone"], found["focus"]) == (True, 0)


def test_series_are_chosen_and_take_the_looks_of_the_first(browser, tmp_path):
    path = tmp_path / "compare.html"
    write_report(compare("torus4x4", ["ring", "multitree", "direct"], "4KiB,64KiB", engine="analytic"), path)
    found = acted(browser, path, tmp_path, more=CHOOSE)
    assert found["all"] == found["again"] == ['["ring"]', '["multitree"]', '["direct"]']
    assert found["one"] == ['["direct"]']
    assert found["thenLook"] == found["firstLook"]
