"""What a sweep gave, or a file of results holds, as rows, frames and files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collsim.errors import UsageError
from collsim.sweep.store import DONE, FAILED, REFUSED, STATUSES, Row, Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results", "check_parquet", "flat", "read_results"]


@dataclass(frozen=True, eq=False)
class Results:
    """Rows of a sweep, in the order of its grid; `source` is the file that holds them, ":memory:" for none.

    `missing`: points that have no row, after a sweep that was interrupted.
    """

    rows: tuple[Row, ...]
    source: str = ":memory:"
    missing: int = 0

    def counts(self) -> dict[str, int]:
        """Return {status: how many rows}, all statuses."""
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in STATUSES}

    @property
    def done(self) -> tuple[Row, ...]:
        """Rows of points that ran."""
        return tuple(row for row in self.rows if row.status == DONE)

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows of points that were started and went wrong."""
        return tuple(row for row in self.rows if row.status == FAILED)

    @property
    def refused(self) -> tuple[Row, ...]:
        """Rows of points that cannot be run."""
        return tuple(row for row in self.rows if row.status == REFUSED)

    def records(self) -> list[dict[str, Any]]:
        """Return one flat dict a row: parameters, status, results, provenance; sizes in bytes, times as their names say."""
        return [
            {
                "kind": row.kind,
                **{name: flat(value) for name, value in row.point.items()},
                "status": row.status,
                "error": row.error or None,
                **row.results,
                "wall_s": row.wall_s,
                "started": row.started,
                "finished": row.finished,
                "host": row.host,
                "attempts": row.attempts,
                "collsim_version": row.version,
                "inputs_sha256": row.key,
                **{name: flat(row.inputs[name]) for name in sorted(row.inputs) if name.endswith(("_digest", "_source"))},
            }
            for row in self.rows
        ]

    def frame(self) -> pd.DataFrame:
        """Return `records` as a frame, one row a point; `started` and `finished` are times in UTC.

        Columns of whole numbers and of truth values that some rows lack are of pandas' Int64 and boolean, so that times keep
        their last femtosecond.
        """
        import pandas as pd

        frame = pd.DataFrame(_columns(self.records()))
        for name in ("started", "finished"):
            if name in frame:
                frame[name] = pd.to_datetime(frame[name], unit="s", utc=True)
        return frame

    def to_csv(self, path: str | Path) -> None:
        """Write `frame` as CSV; OutputError if impossible."""
        from collsim.report.output import write_file

        write_file(path, lambda temporary: self.frame().to_csv(temporary, index=False))

    def to_parquet(self, path: str | Path) -> None:
        """Write `frame` as Parquet; UsageError without pyarrow (extra `collsim[parquet]`), OutputError if impossible."""
        from collsim.report.output import write_file

        check_parquet()
        frame = self.frame()
        for name in frame.columns:
            # A column of Parquet has one type, and settings such as buffer are "auto" or a number.
            kinds = {type(value) for value in frame[name].dropna()} if frame[name].dtype == object else set()
            if len(kinds) > 1:
                frame[name] = [None if value is None else str(value) for value in frame[name]]
        write_file(path, lambda temporary: frame.to_parquet(temporary, engine="pyarrow", index=False))

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        return {"source": self.source, "points": self.counts(), "missing": self.missing, "rows": self.records()}

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {status}" for status, count in self.counts().items())
        return f"{len(self.rows):,} points: {counts}" + (f"; {self.missing:,} missing" if self.missing else "")

    def _repr_html_(self) -> str:
        frame = self.frame()
        shown = [name for name in (*(self.rows[0].point if self.rows else ()), "status", "time_s") if name in frame]
        varied = [name for name in shown if name in ("status", "time_s") or frame[name].astype(str).nunique() > 1]
        return f"<p>{self}</p>{frame[varied].to_html(index=False, max_rows=30)}" if len(frame) else f"<p>{self}</p>"


def check_parquet() -> None:
    """Raise UsageError where Parquet cannot be written; asked before a long sweep, not after it."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise UsageError("Parquet needs pyarrow; run: pip install 'collsim[parquet]', or write CSV.") from None


def read_results(path: str | Path, keys: Sequence[str] | None = None) -> Results:
    """Return the rows of a file, in the order of their grid. Raises InvalidValue and FileFormatError."""
    with Store(path, create=False) as store:
        return Results(tuple(store.rows(keys)), str(path))


def _columns(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return {name: values} with None where a record has no such name, in the order in which names appear."""
    import pandas as pd

    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for record in records for name in record):
        values = [record.get(name) for record in records]
        kinds, lacks = {type(value) for value in values if value is not None}, None in values
        found[name] = values
        if lacks and kinds == {int}:
            found[name] = pd.array(values, dtype="Int64")
        elif lacks and kinds == {bool}:
            found[name] = pd.array(values, dtype="boolean")
    return found


def flat(value: Any) -> Any:
    """Return a parameter as one cell of a table: lists and mappings in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={share}" for key, share in value.items()) or None
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or None
    return value
