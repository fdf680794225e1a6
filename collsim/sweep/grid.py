"""A grid: lists of values for the parameters of a kind of point, and all their combinations, from YAML or from Python.

Everything that is wrong by itself, such as a name nobody knows, is refused before anything runs, in a file with its line.
Whether a combination can run is known point by point and belongs to the results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from collsim.errors import CollsimError, FileFormatError, InvalidValue, UnknownName, UsageError
from collsim.network.config import parse_leaf
from collsim.sweep.fields import Field, items_of, local
from collsim.sweep.runner import RUN, RUNNERS, Runner
from collsim.topology.graph import Topology

__all__ = ["MOST_POINTS", "Grid", "Point", "make_grid", "read_grid"]

MOST_POINTS = 1_000_000
WORKLOAD, NETWORK = "workload", "network"

Place = tuple[str, int | None]
"""Where a value stands: its key, "network.header" for settings, and its number in the list, None for the whole."""


@dataclass(frozen=True, slots=True)
class Point:
    """One combination: the `kind` of point and the value of each parameter by name."""

    kind: str
    parameters: Mapping[str, Any]

    def shown(self) -> dict[str, Any]:
        """Return the parameters as JSON has them: a topology made in Python by its name."""
        return {key: value.name if isinstance(value, Topology) else value for key, value in self.parameters.items()}


@dataclass(frozen=True, slots=True)
class Grid:
    """Points of one `kind`: the product of all values of `axes` (parameter, values), the last of them changing fastest.

    Raises InvalidValue for more than a million points.
    """

    kind: str
    axes: tuple[tuple[str, tuple[Any, ...]], ...]

    def __post_init__(self) -> None:
        if len(self) > MOST_POINTS:
            sizes = " x ".join(f"{len(values):,} {name}" for name, values in self.axes if len(values) > 1)
            raise InvalidValue(f"The grid has {len(self):,} points ({sizes}); a sweep takes up to {MOST_POINTS:,}.")

    def __len__(self) -> int:
        return prod(len(values) for _, values in self.axes)

    @property
    def varied(self) -> tuple[str, ...]:
        """Parameters of more than one value."""
        return tuple(name for name, values in self.axes if len(values) > 1)

    def points(self) -> Iterator[Point]:
        """Yield every point."""
        names = [name for name, _ in self.axes]
        for values in product(*(values for _, values in self.axes)):
            yield Point(self.kind, dict(zip(names, values, strict=True)))


class Misplaced(Exception):
    """An error and the place of the value that raised it; never leaves this module."""

    def __init__(self, error: CollsimError, place: Place):
        super().__init__(str(error))
        self.error, self.place = error, place


def make_grid(given: Mapping[str, Any], folder: Path | None = None) -> Grid:
    """Return the grid of {key: value or list of values}; `folder` is what paths that begin with ./ or ../ start from.

    Keys are those of the runner's fields, in the singular or the plural, `network` ({setting: value or values}) and
    `workload` (a runner's name). Raises UnknownName, InvalidValue and what values raise.
    """
    try:
        return _grid(given, folder)
    except Misplaced as wrong:
        raise wrong.error from None


def read_grid(path: str | Path) -> Grid:
    """Return the grid of a YAML file, paths seen from its folder. Raises FileFormatError with the line."""
    content, lines = _load(Path(path))
    try:
        return _grid(content, Path(path).parent)
    except Misplaced as wrong:
        key, number = wrong.place
        line = lines.get((key, number), lines.get((key, None)))
        where = f", line {line}" if line else ""
        raise FileFormatError(f"{path}{where}: {wrong.error}") from wrong.error
    except UsageError as error:
        raise FileFormatError(f"{path}: {error}") from error


def _grid(given: Mapping[str, Any], folder: Path | None) -> Grid:
    kind = given.get(WORKLOAD) or RUN
    try:
        runner = RUNNERS.get(str(kind))
    except UnknownName as error:
        raise Misplaced(error, (WORKLOAD, None)) from None
    spelt = {word: field for field in runner.fields for word in (field.name, field.plural)}
    stated: dict[str, str] = {}
    for key in given:
        if key in (WORKLOAD, NETWORK):
            continue
        if key not in spelt:
            valid = (*(field.plural for field in runner.fields), NETWORK, WORKLOAD)
            raise Misplaced(UnknownName(f"key of a sweep of {runner.name}", str(key), valid), (str(key), None))
        name = spelt[key].name
        if name in stated:
            twice = InvalidValue(f"'{stated[name]}' and '{key}' mean the same; keep one of them.")
            raise Misplaced(twice, (key, None))
        stated[name] = key
    axes = [
        (field.name, _values(field, stated[field.name], given[stated[field.name]], folder))
        if field.name in stated
        else (field.name, _default(runner, field))
        for field in runner.fields
    ]
    place = next((k for k, (name, _) in enumerate(axes) if name == "preset"), len(axes) - 1)
    axes[place + 1 : place + 1] = _network(given.get(NETWORK))
    return Grid(runner.name, tuple(axes))


def _default(runner: Runner, field: Field) -> tuple[Any, ...]:
    if field.default is None:
        raise InvalidValue(
            f"A sweep of {runner.name} needs {field.plural}; list at least one, as in '{field.plural}: [...]'."
        )
    return field.default


def _values(field: Field, key: str, value: Any, folder: Path | None) -> tuple[Any, ...]:
    found, seen = list[Any](), set[Any]()
    for number, item in enumerate(items_of(value)):
        placed = local(item, folder) if field.files and folder is not None else item
        try:
            values = field.read(placed)
        except CollsimError as error:
            raise Misplaced(error, (key, number)) from error
        for one in values:
            known = repr(one) if isinstance(one, list | dict) else one
            if known not in seen:
                seen.add(known)
                found.append(one)
    if not found:
        raise Misplaced(InvalidValue(f"There is no value of '{key}'; list at least one, or leave the key out."), (key, None))
    return tuple(found)


def _network(value: Any) -> list[tuple[str, tuple[Any, ...]]]:
    if value is None:
        return []
    if not isinstance(value, Mapping):
        wrong = InvalidValue(
            "'network' holds settings with their values, like header: [0, 64B]; a preset goes under 'presets'."
        )
        raise Misplaced(wrong, (NETWORK, None))
    axes = []
    for leaf, values in value.items():
        name = f"{NETWORK}.{leaf}"
        found: list[Any] = []
        for number, item in enumerate(items_of(values)):
            try:
                found += [parsed for parsed in [parse_leaf(str(leaf), item)] if parsed not in found]
            except CollsimError as error:
                raise Misplaced(error, (name, number)) from error
        if not found:
            raise Misplaced(InvalidValue(f"There is no value of '{leaf}'; list at least one."), (name, None))
        axes.append((name, tuple(found)))
    return axes


def _load(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """Return what the file states, and the line of every key and every item of its lists."""
    import yaml

    from collsim.topology.yaml_loader import StrictLoader

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise FileFormatError(f"Cannot read the sweep '{path}': {reason}.") from error
    try:
        content = yaml.load(text, Loader=StrictLoader)
        tree = yaml.compose(text, Loader=StrictLoader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it is not YAML"
        raise FileFormatError(f"{path}{f', line {mark.line + 1}' if mark else ''}: {problem}.") from error
    if not isinstance(content, dict):
        raise FileFormatError(f"{path} states no sweep; write lines like 'topologies: [torus4x4, torus8x8]'.")
    return _with_units(content), _lines(tree)


def _with_units(content: dict[str, Any]) -> dict[str, Any]:
    """Return what the file states with bare numbers of settings and latencies as text, which must have a unit as elsewhere.

    In Python a time is a whole number of femtoseconds, and nobody who writes `latency: 5` into a file means these.
    """
    network = content.get(NETWORK)
    inner = {key: _as_text(value) for key, value in network.items()} if isinstance(network, dict) else network
    stated = {key: _as_text(value) if key in ("latency", "latencies") else value for key, value in content.items()}
    return stated | ({NETWORK: inner} if NETWORK in content else {})


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _lines(tree: Any, prefix: str = "") -> dict[Place, int]:
    found: dict[Place, int] = {}
    for key, value in tree.value:
        name = f"{prefix}{key.value}"
        found[name, None] = key.start_mark.line + 1
        if value.id == "sequence":
            found |= {(name, number): item.start_mark.line + 1 for number, item in enumerate(value.value)}
        elif value.id == "mapping" and name == NETWORK:
            found |= _lines(value, f"{NETWORK}.")
    return found
