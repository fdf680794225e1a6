"""Who hears that kernels are compiled: a listener, else a person in IPython once, else nobody."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from collsim.jit import notice


@pytest.fixture
def told(capsys):
    """Tell twice of some kernels and return what stands on stderr."""
    notice._tell_once.cache_clear()

    def twice(what=notice.COMPILING):
        for _ in range(2):
            notice.tell(what, Path("engines/compiled"))
        out, err = capsys.readouterr()
        assert out == ""
        return err

    yield twice
    notice._tell_once.cache_clear()


def sit_before(monkeypatch, shell):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_a_person_in_a_notebook_is_told_once(told, monkeypatch):
    sit_before(monkeypatch, object())
    monkeypatch.setattr("collsim.jit.cache.is_temporary", lambda sources: False)
    assert told() == "Note: compiling the simulation kernels for packets, once; takes about 20 s.\n"
    assert told(notice.WAITING).startswith("Note: another process is compiling")


def test_a_script_prints_nothing_of_itself(told, monkeypatch):
    sit_before(monkeypatch, None)
    assert told() == ""
    monkeypatch.delitem(sys.modules, "IPython")
    assert told() == ""


def test_a_listener_is_told_instead(told, monkeypatch):
    sit_before(monkeypatch, object())
    heard = []
    with notice.listening(lambda what, sources: heard.append((what, sources.name))):
        assert told() == ""
    assert heard == [(notice.COMPILING, "compiled")]
