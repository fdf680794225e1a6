"""docs/traffic.md: what it shows is what the program does."""

from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "traffic.md").read_text()


def block(kind):
    return PAGE.split(f"```{kind}\n")[1].split("```")[0]


def test_the_python_block_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block("python"), names)
    assert (tmp_path / "curve.png").exists()
    curve = names["curve"]
    assert [point.load for point in curve.points] == [0.1, 0.3, 0.5]
    assert curve.best <= 1.01 * curve.expected.bound
