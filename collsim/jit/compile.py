"""How kernels are compiled: two decorators over numba, with the on-disk cache that `cache` describes.

Importing this imports numba, a third of a second. Modules of kernels import it at their top and are themselves imported
only where there is work enough.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numba
import numba.core.config
from numba.core import event

from collsim.jit import notice
from collsim.jit.cache import cache_directory
from collsim.jit.guard import alone, interruptible

__all__ = ["kernel", "small_kernel"]

Function = Callable[..., Any]
# numba fills this module from the environment, and hints at fewer options than it takes: unknown to type checkers.
config: Any = numba.core.config
njit: Any = numba.njit


def kernel(function: Function) -> Any:
    """Decorator: an entry point, kept in the cache on disk."""
    sources = Path(function.__code__.co_filename).parent
    folder, before = cache_directory(sources), config.CACHE_DIR
    # For this function alone: other users of numba keep their directory.
    config.CACHE_DIR = str(folder)
    try:
        compiled = njit(function, error_model="numpy", cache=True)
    finally:
        config.CACHE_DIR = before
    _forgive(compiled._cache)
    # What numba calls for each new kind of arguments, to load a kernel or else to compile it.
    compiled.compile = _guarded(compiled, sources, folder / f"{function.__name__}.lock")
    return compiled


def _forgive(cache: Any) -> None:
    """Let a broken or full disk cost time and not the run: what cannot be read is compiled anew, what cannot be kept is not.

    numba raises whatever the bytes of a damaged file make of unpickling.
    """
    load, save, flush = cache.load_overload, cache.save_overload, cache.flush

    def load_overload(signature: Any, target: Any) -> Any:
        try:
            return load(signature, target)
        except Exception:
            # An empty index makes way for a good one, which numba would otherwise read before it writes.
            with suppress(OSError):
                flush()
            return None

    def save_overload(signature: Any, data: Any) -> None:
        with suppress(OSError):
            save(signature, data)

    cache.load_overload, cache.save_overload = load_overload, save_overload


def small_kernel(function: Function) -> Any:
    """Decorator: a part of kernels, compiled into each of them.

    It is never called from Python or C, and goes without the code for that, a third of the time to compile it.
    """
    return njit(function, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _guarded(compiled: Any, sources: Path, lock: Path) -> Function:
    """Return `compiled.compile` that tells of a missing kernel, lets one process at a time compile, and minds Ctrl-C."""
    load_or_compile = compiled.compile

    def guarded(signature: Any) -> Any:
        with ExitStack() as held:
            missing = _Missing(compiled, sources, lock, held)
            with event.install_listener("numba:compile", missing):
                try:
                    return load_or_compile(signature)
                except _MayBeThere:
                    return load_or_compile(signature)

    return guarded


class _MayBeThere(Exception):
    """Another process has just compiled something; the cache is to be asked again."""


class _Missing(event.Listener):
    """Hears of every function that numba compiles, a kernel and its parts: of none where the cache has the kernel.

    From the first on the lock is held and Ctrl-C kept back, both until `held` is closed, when the kernel is in the cache.
    """

    def __init__(self, compiled: Any, sources: Path, lock: Path, held: ExitStack):
        self._compiled, self._sources, self._lock, self._held = compiled, sources, lock, held
        self._check: Callable[[], None] | None = None

    def on_start(self, begun: Any) -> None:
        if begun.data["dispatcher"] is self._compiled:
            self._begin()
        if self._check is not None:
            self._check()

    def on_end(self, _: Any) -> None:
        if self._check is not None:
            self._check()

    def _begin(self) -> None:
        if self._check is None:
            waited = self._held.enter_context(alone(self._lock, lambda: notice.tell(notice.WAITING, self._sources)))
            self._check = self._held.enter_context(interruptible())
            if waited:
                raise _MayBeThere
        notice.tell(notice.COMPILING, self._sources)
