"""Where compiled kernels are kept between runs, and whether they are there yet; needs no numba.

The cache lies in the user's cache directory (XDG_CACHE_HOME, else ~/.cache; LOCALAPPDATA on Windows; ~/Library/Caches on
macOS), in one folder a package of kernels, named after its source and numba's version: numba itself looks only at the file
of the outermost kernel, and would run stale code after a change in another one. Where that place cannot be written a
private directory among the system's temporary files serves, until it is cleaned.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

__all__ = ["cache_directory", "compiled_before", "is_temporary", "looked_at", "user_root"]


def compiled_before(sources: Path) -> bool:
    """Tell whether kernels of the package in folder `sources` lie compiled in the cache, so that a run starts at once."""
    return any(cache_directory(sources).rglob("*.nbc"))


def looked_at(sources: Path) -> tuple[int, int]:
    """Return how many kernels of the package in folder `sources` lie in the cache whole, and how many are damaged.

    Each is read as numba would read it: an index with numba's version, and a file for each kind of arguments.
    """
    # Copies of the package in several places have a file each for one kernel.
    whole, damaged = set[str](), 0
    for index in cache_directory(sources).rglob("*.nbi"):
        try:
            with index.open("rb") as file:
                if pickle.load(file) != version("numba"):
                    continue  # of another numba, which this one passes over
                _, names = pickle.load(file)
            for name in names.values():
                pickle.loads((index.parent / name).read_bytes())
        except Exception:  # whatever damaged bytes make of unpickling
            damaged += 1
        else:
            whole |= {index.stem} if names else set()
    return len(whole), damaged


def is_temporary(sources: Path) -> bool:
    """Tell whether the user's cache directory could not be written, so that kernels are kept in a temporary one."""
    return user_root() not in cache_directory(sources).parents


@lru_cache
def cache_directory(sources: Path) -> Path:
    """Return the directory of the compiled kernels of the package in folder `sources`, made if need be."""
    for root in (user_root(), Path(tempfile.gettempdir()) / f"collsim-cache-{_user()}"):
        folder = root / f"{sources.name}-{_fingerprint(sources)}"
        if _usable(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="collsim-cache-"))


def user_root() -> Path:
    """Return the directory, which may not exist, where the user's kernels belong."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "collsim"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~")).expanduser() / "collsim"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/collsim").expanduser()
    return Path("~/.cache/collsim").expanduser()


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _usable(folder: Path) -> bool:
    """Make `folder` and tell whether it can be written and is this user's, not one that another left for us to run."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _fingerprint(sources: Path) -> str:
    state = sha256(f"{version('numba')} {sys.version_info[:2]}".encode())
    for source in sorted(sources.glob("*.py")):
        state.update(source.read_bytes())
    return state.hexdigest()[:16]
