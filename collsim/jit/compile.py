"""How kernels are compiled: two decorators over numba, with the on-disk cache that `cache` describes.

Importing this imports numba, a third of a second. Modules of kernels import it at their top and are themselves imported
only where there is work enough.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numba.core.config

from collsim.jit.cache import cache_directory

__all__ = ["kernel", "small_kernel"]

Function = Callable[..., Any]
# numba fills this module from the environment, so its attributes are unknown to type checkers.
config: Any = numba.core.config


def kernel(function: Function) -> Any:
    """Decorator: an entry point, kept in the cache on disk."""
    return _compiled(function, cache=True)


def small_kernel(function: Function) -> Any:
    """Decorator: a part of kernels, compiled into each of them."""
    return _compiled(function, cache=False)


def _compiled(function: Function, *, cache: bool) -> Any:
    """Compile with numba's cache directory set for this function alone: other users of numba keep theirs."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_directory(Path(function.__code__.co_filename).parent)) if cache else before
    try:
        return numba.njit(function, error_model="numpy", cache=cache)
    finally:
        config.CACHE_DIR = before
