"""A row repeated from what the file of results holds, and nothing else: is what it says still what comes out?

The parameters are those that were asked for, the files that they name are those kept beside the results. So a row can be
checked when the files have changed since, and tells what else is different when what comes out is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collsim.errors import InvalidValue, UsageError
from collsim.sweep.answer import Bench, answer, refusal
from collsim.sweep.diff import Change, change_of
from collsim.sweep.grid import Point
from collsim.sweep.runner import RUNNERS, Kept
from collsim.sweep.shipping import File, files_of
from collsim.sweep.store import Row, Store
from collsim.sweep.sweeping import make_job

__all__ = ["Repeat", "repeat"]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A `row`, the point run `again`, inputs that are `other` than they were, and what came out otherwise, if anything."""

    row: Row
    again: Row
    other: tuple[str, ...]
    change: Change | None


def repeat(path: str | Path, key: str) -> Repeat:
    """Run the point again whose inputs' hash begins with `key`, as the file at `path` states it.

    Raises InvalidValue for a hash of no row or of several, and for a row that lacks what repeating it takes.
    """
    with Store(path, create=False) as store:
        found = [row for row in store.rows() if row.key.startswith(key)]
        if len(found) != 1:
            raise InvalidValue(
                f"{len(found)} rows of '{path}' have a hash that begins with '{key}'; give one of those that "
                "'collsim results --hashes' shows."
            )
        (row,) = found
        if not row.asked:
            raise InvalidValue(f"'{path}' was written by a collsim that kept no parameters to repeat row {key} from.")
        files = {name: store.file(digest) for name, digest in row.asked["files"].items()}
    lost = [name for name, content in files.items() if content is None]
    if lost:
        raise InvalidValue(
            f"'{path}' does not hold {lost[0]}, which is too large to be kept, so the row cannot be repeated."
        )
    with tempfile.TemporaryDirectory(prefix="collsim-repeat-") as folder:
        places = _laid_out(Path(folder), {name: content for name, content in files.items() if content is not None})
        again = _run(row, {name: _placed(value, places) for name, value in row.asked["parameters"].items()})
    names = dict.fromkeys((*row.inputs, *again.inputs))
    other = tuple(name for name in names if row.inputs.get(name) != again.inputs.get(name))
    return Repeat(row, again, other, change_of(row, again, 0.0))


def _run(row: Row, parameters: Mapping[str, Any]) -> Row:
    """Return the row of the point of `parameters`, run in this process."""
    try:
        runner = RUNNERS.get(row.kind)
    except UsageError as error:
        raise InvalidValue(f"Nothing here runs points of the kind '{row.kind}': {error}") from error
    missing = {field.name: field.default[0] for field in runner.fields if field.default and field.name not in parameters}
    point, kept = Point(row.kind, {**missing, **parameters}), Kept()
    named: tuple[File, ...] = files_of(runner.fields, point.parameters, kept)
    job = make_job(runner, row.position, point, named, kept)
    if job.work is None:
        assert job.refused is not None
        return job.row(refusal(job.refused))
    return replace(job.row(answer(job.work, Bench())), asked=row.asked)


def _laid_out(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write the files, each in a folder of its own with the name that it had, and return {path it had: path it has}."""
    places = {}
    for number, (name, content) in enumerate(files.items()):
        place = folder / str(number) / Path(name).name
        place.parent.mkdir()
        place.write_bytes(content)
        places[name] = str(place)
    return places


def _placed(value: Any, places: Mapping[str, str]) -> Any:
    """Return a parameter with the path of a file, alone or before a colon, replaced by where the file is now."""
    if isinstance(value, list):
        return [_placed(item, places) for item in value]
    if not isinstance(value, str):
        return value
    name, colon, rest = value.partition(":")
    if value.strip() in places:
        return places[value.strip()]
    return f"{places[name.strip()]}{colon}{rest}" if name.strip() in places else value
