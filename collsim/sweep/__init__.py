"""Many runs: grids, stores and executors. The package can be called: `collsim.sweep(...)` is `collsim.sweep.sweeping.sweep`.

A function of that name in `collsim` would be replaced by this package as soon as anybody imports a module of it, since
Python then sets the attribute. So the module itself takes the call, by giving it a class of its own, as the Python
reference describes ("Customizing module attribute access"); `from collsim.sweep.compare import compare` works as ever.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__: list[str] = []


class _Callable(ModuleType):
    """This module, which runs a sweep when it is called."""

    def __call__(self, *args: Any, **axes: Any) -> Any:
        """Run every combination of the values given; see `collsim.sweep.sweeping.sweep`."""
        from collsim.sweep.sweeping import sweep

        return sweep(*args, **axes)

    @property
    def __signature__(self) -> Any:
        """The signature of `sweep`, for help and notebooks."""
        from inspect import signature

        from collsim.sweep.sweeping import sweep

        return signature(sweep)


sys.modules[__name__].__class__ = _Callable
