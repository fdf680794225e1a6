"""One registry for everything that is found by name: families, machines' readers, algorithms, schedulers, engines.

An entry is added by decorating it in its own file, or by a third party's entry point in the group named at construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from collsim.errors import InvalidValue, UnknownName

__all__ = ["Registry"]

T = TypeVar("T")


@cache
def _entry_points() -> Any:
    """Return those of all packages installed: looking through them takes a hundredth of a second or more, once for all."""
    return entry_points()


def _defined_by_hand(entry: object) -> str | None:
    """Return the name of the function that an entry is or holds, if a notebook or a script defines it, else None."""
    for part in (entry, *(getattr(entry, name, None) for name in ("function", "key"))):
        if getattr(part, "__module__", None) == "__main__" and hasattr(part, "__qualname__"):
            return str(part.__qualname__)
    return None


class Registry(Generic[T]):
    """Names (and aliases) to entries of one `kind`.

    `package`: dotted name of the package whose modules register themselves on import; they are imported at the first
    look-up, so importing collsim stays cheap. `group`: entry-point group through which others add entries.
    """

    def __init__(self, kind: str, package: str | None = None, group: str | None = None):
        self.kind, self._package, self._group = kind, package, group
        self._entries: dict[str, T] = {}
        self._aliases: dict[str, str] = {}
        self._loaded = False
        self._aside: dict[str, T] | None = None

    def add(self, name: str, entry: T, aliases: tuple[str, ...] = ()) -> T:
        """Register `entry`; InvalidValue when the name or an alias is taken by another entry.

        A function defined once more in a notebook or at the prompt replaces itself: that is how one works on it.
        """
        if self._aside is not None:
            if name in self._aside or name in self:
                raise self._taken(name)
            self._aside[name] = entry
            return entry
        for key in (name, *aliases):
            if key in self._aliases and self._aliases[key] != name:
                raise self._taken(key)
        before, function = self._entries.get(name, entry), _defined_by_hand(entry)
        if before is not entry and (function is None or function != _defined_by_hand(before)):
            raise self._taken(name)
        self._entries[name] = entry
        self._aliases |= dict.fromkeys((name, *aliases), name)
        return entry

    def _taken(self, name: str) -> InvalidValue:
        return InvalidValue(f"{self.kind} '{name}' is registered twice; give one of the two another name.")

    @contextmanager
    def aside(self) -> Iterator[dict[str, T]]:
        """Within the context what is added goes into the dictionary yielded, {name: entry}, and not into the registry.

        A name that is registered, or added twice, is refused as ever.
        """
        # Loaded first: the modules of the package register themselves, which must not go aside.
        self._load()
        before, self._aside = self._aside, {}
        try:
            yield self._aside
        finally:
            self._aside = before

    def register(self, name: str, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
        """Decorator form of `add`."""
        return lambda entry: self.add(name, entry, aliases)

    def _load(self) -> None:
        if self._loaded:
            return
        # Set before importing, because the modules imported look things up here themselves.
        self._loaded = True
        try:
            self._import()
        except BaseException:
            self._loaded = False
            raise

    def _import(self) -> None:
        if self._package is not None:
            package = import_module(self._package)
            for module in sorted(m.name for m in iter_modules(package.__path__)):
                import_module(f"{self._package}.{module}")
        if self._group is not None:
            for point in sorted(_entry_points().select(group=self._group), key=lambda p: p.name):
                loaded = point.load()
                if point.name not in self._aliases:
                    self.add(point.name, loaded)

    def get(self, name: str) -> T:
        """Return the entry called `name` (or aliased so); UnknownName names the nearest valid one."""
        self._load()
        if name not in self._aliases:
            raise UnknownName(self.kind, name, self._aliases)
        return self._entries[self._aliases[name]]

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._aliases

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._entries))

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield (name, entry) in the order of names, without aliases."""
        return ((name, self._entries[name]) for name in self)

    def aliases(self) -> Mapping[str, str]:
        """Return {name or alias: name}."""
        self._load()
        return dict(self._aliases)
