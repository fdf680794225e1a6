"""The project's own promises: packages are installed, documents name what is registered, the top level is as agreed."""

from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = ["collsim", "topologies", "experiments", "notebooks", "tests", "docs", "benchmarks", "setup.cfg", "README.md"]


def configuration():
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_installed():
    listed = set(configuration()["options"]["packages"].split())
    found = {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "collsim").rglob("__init__.py")}
    assert listed == found | {"collsim.machines"}


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_top_level_is_as_agreed(name):
    assert (ROOT / name).exists()


def test_every_module_says_what_it_is():
    for path in (ROOT / "collsim").rglob("*.py"):
        assert path.read_text().startswith('"""'), path
