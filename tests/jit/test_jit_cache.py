"""Where kernels are kept: in the user's cache directory, apart for each package and source, elsewhere where need be."""

import os
from pathlib import Path

import numpy as np
import pytest

from collsim.jit import cache
from collsim.jit.compile import config, kernel

SOURCES = Path(cache.__file__).parent


@pytest.fixture(autouse=True)
def _fresh():
    cache.cache_directory.cache_clear()
    yield
    cache.cache_directory.cache_clear()


def test_the_user_s_cache_directory_is_used_and_may_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache.cache_directory(SOURCES)
    assert folder.parent == tmp_path / "collsim"
    assert folder.is_dir()
    assert not cache.is_temporary(SOURCES)


def test_a_place_that_cannot_be_written_is_left_for_a_temporary_one(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    folder = cache.cache_directory(SOURCES)
    assert folder.parent.name == f"collsim-cache-{os.getuid()}"
    assert cache.is_temporary(SOURCES)
    assert folder == cache.cache_directory(SOURCES)


def test_another_source_has_another_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folders = []
    for text in ("A = 1", "A = 2"):
        (tmp_path / "part.py").write_text(text)
        cache.cache_directory.cache_clear()
        folders.append(cache.cache_directory(tmp_path))
    assert folders[0] != folders[1]


def double(numbers):
    return numbers + numbers


def test_a_kernel_is_kept_after_its_first_call_and_numba_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    here, before = Path(__file__).parent, config.CACHE_DIR
    assert not cache.compiled_before(here)
    compiled = kernel(double)
    assert before == config.CACHE_DIR
    assert compiled(np.arange(3)).tolist() == [0, 2, 4]
    assert cache.compiled_before(here)
