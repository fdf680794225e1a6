"""`collsim topo export`: every format reads back as the same network."""

import numpy as np
import pytest

from collsim.cli.main import invoke
from collsim.topology import load


@pytest.mark.parametrize("name", ["m.yaml", "m.json", "m.txt", "m.anynet"])
def test_it_reads_back(tmp_path, name):
    path = tmp_path / name
    assert invoke(["topo", "export", "leafspine2x2x2", "--latency", "5ns", "-o", str(path)]) == 0
    want, back = load("leafspine2x2x2", latency="5ns"), load(path)
    orders = [np.lexsort((t.target, t.source)) for t in (want, back)]
    for what in ("source", "target", "bandwidth", "latency"):
        assert np.array_equal(getattr(want, what)[orders[0]], getattr(back, what)[orders[1]])


def test_printed(capsys):
    assert invoke(["topo", "export", "switch2", "--format", "link-list", "-o", "-"]) == 0
    assert capsys.readouterr().out == "3 1 2\n2\n0 2 128Gbps 0.00015ms 0\n1 2 128Gbps 0.00015ms 0\n"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["torus4x4", "-o", "t.txt"], "pass traffic on"),
        (["switch4", "-o", "t.doc"], "says no format"),
        (["swich4", "-o", "t.txt"], "switch4"),
    ],
)
def test_what_is_refused(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke(["topo", "export", *words]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
