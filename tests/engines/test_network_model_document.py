import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from collsim.network.config import LEAVES, NetworkConfig

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "network-model.md").read_text(encoding="utf-8")
RULES = Path(__file__).resolve().parent


def block(language):
    return re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)[1]


def test_the_worked_example_prints_what_the_document_says():
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(block("python"), "docs/network-model.md", "exec"), {})
    assert printed.getvalue() == block("text")


def test_every_rule_is_told_and_tested():
    tests = "".join(path.read_text(encoding="utf-8") for path in RULES.glob("test_rule_*.py"))
    for rule in range(1, 33):
        assert f"**Rule {rule}." in DOCUMENT
        assert f"def test_rule_{rule:02d}_" in tests


def test_every_setting_has_its_default_in_the_table():
    table = DOCUMENT.split("## Defaults")[1].split("## Worked")[0]
    for leaf in LEAVES:
        assert re.search(rf"\b{leaf}\b", table), leaf
    assert str(NetworkConfig().packet.packet_payload) in table
    for value in ("cut-through", "round-robin, lowest-step", "static, credit"):
        assert value in table
