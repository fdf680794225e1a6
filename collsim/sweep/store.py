"""Results of sweeps in one SQLite file, a row a point: what is there is whole, whatever happened to who wrote it.

The journal is SQLite's rollback journal, not WAL: one file holds everything whenever nobody writes, it works where shared
memory does not (network file systems), and undoing a transaction needs no room on a full disk. Every batch is a transaction
of its own, so a lock is never held while points run, and two sweeps may write into one file.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collsim.errors import FileFormatError, InvalidValue, OutputError, WriteFailed

__all__ = ["DONE", "FAILED", "REFUSED", "STATUSES", "Row", "Store"]

DONE, FAILED, REFUSED = "done", "failed", "refused"
STATUSES = (DONE, FAILED, REFUSED)
"""What became of a point: it ran; it was started and went wrong; it cannot be run, for a reason that stays."""

APPLICATION = 0x636F6C73  # "cols", in the header of the file
SCHEMA = 2
"""Format 1 had neither `asked` nor files; it is read, and extended when it is written to."""
PATIENCE_S = 60.0
"""How long a writer waits for another one."""
CURES = {
    "full": "free some space",
    "disk": "free some space",
    "open": "choose a place that can be written",
    "readonly": "choose a place that can be written",
}
"""What helps where SQLite says one of these words."""
MEASURES = {
    "time_fs": "INTEGER",
    "algbw_bytes_per_s": "REAL",
    "busbw_bytes_per_s": "REAL",
    "bound_fs": "INTEGER",
    "percent_of_bound": "REAL",
    "speedup": "REAL",
    "steps": "INTEGER",
    "transfers": "INTEGER",
    "packets": "INTEGER",
    "bottleneck_link": "TEXT",
}
"""Results that have a column of their own beside the JSON, for queries."""
FACTS = ("key", "kind", "status", "error", "topology", "algorithm", "size", "engine", "seed")
TAIL = ("point", "inputs", "results", "wall_s", "started", "finished", "host", "version", "attempts", "position", "asked")
JSON = ("point", "inputs", "results", "asked")
COLUMNS = (*FACTS, *MEASURES, *TAIL)
CREATE = f"""
CREATE TABLE points (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL,
    topology TEXT, algorithm TEXT, size INTEGER, engine TEXT, seed INTEGER,
    {", ".join(f"{name} {kind}" for name, kind in MEASURES.items())},
    point TEXT NOT NULL, inputs TEXT NOT NULL, results TEXT NOT NULL,
    wall_s REAL NOT NULL, started REAL NOT NULL, finished REAL NOT NULL,
    host TEXT NOT NULL, version TEXT NOT NULL, attempts INTEGER NOT NULL, position INTEGER NOT NULL,
    asked TEXT NOT NULL DEFAULT '{{}}'
) WITHOUT ROWID
"""
FILES = "CREATE TABLE files (digest TEXT PRIMARY KEY, path TEXT NOT NULL, content BLOB NOT NULL) WITHOUT ROWID"
EXTEND = "ALTER TABLE points ADD COLUMN asked TEXT NOT NULL DEFAULT '{}'"
INSERT = (
    f"INSERT INTO points ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT(key) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in COLUMNS[1:])} WHERE points.status != '{DONE}'"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A point and what became of it.

    `key`: hash of `inputs`, all that the results depend on. `point`: its parameters as they were asked for. `error`: a
    sentence unless `status` is "done". `wall_s` seconds it took on `host`; `started`, `finished`: seconds since 1970.
    `version` of collsim; `attempts`: how often it was tried in that sweep; `position`: its place in the grid of that sweep.
    `asked`: parameters as they were written and {path: digest} of the files they name, to repeat the point; see `shipping`.
    """

    key: str
    kind: str
    status: str
    point: dict[str, Any]
    inputs: dict[str, Any]
    error: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    wall_s: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    host: str = ""
    version: str = ""
    attempts: int = 1
    position: int = 0
    asked: dict[str, Any] = field(default_factory=dict)

    def values(self) -> tuple[Any, ...]:
        """Return the values of COLUMNS."""
        facts = {name: self.inputs.get(name) for name in FACTS} | {"key": self.key, "kind": self.kind}
        facts |= {"status": self.status, "error": self.error}
        texts = {name: json.dumps(getattr(self, name)) for name in JSON}
        tail = {name: texts.get(name, getattr(self, name)) for name in TAIL}
        whole = facts | {name: self.results.get(name) for name in MEASURES} | tail
        return tuple(whole[name] for name in COLUMNS)


class Store:
    """The file at `path` (":memory:" for none), made unless it is there and `create`; to be closed.

    Raises FileFormatError for a file that holds something else or is of a newer schema, OutputError where nothing can be
    written, InvalidValue where there is nothing to read.
    """

    def __init__(self, path: str | Path, create: bool = True):
        self.path = str(path)
        there = self.path == ":memory:" or (Path(path).exists() and Path(path).stat().st_size > 0)
        if not there and not create:
            raise InvalidValue(f"There are no results in '{path}'; name a file that 'collsim sweep' wrote.")
        if self.path != ":memory:" and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
            raise OutputError(f"Cannot write '{path}': it is a folder, or its folder does not exist; choose another place.")
        # Who only reads still has to undo what a killed writer left half done, for which the file must be writable.
        readonly = not create and not os.access(path, os.W_OK)
        name = (
            self.path if self.path == ":memory:" else f"{Path(path).absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
        )
        with self._told():
            self._base = sqlite3.connect(name, timeout=PATIENCE_S, isolation_level=None, uri=True)
            try:
                self._open(there, create)
            except BaseException:
                self._base.close()
                raise

    def _open(self, there: bool, create: bool) -> None:
        if not there or not self._one("SELECT count(*) FROM sqlite_master"):
            self._base.execute("BEGIN IMMEDIATE")
            # Another sweep may have made the table while this one waited for the lock.
            if not self._one("SELECT count(*) FROM sqlite_master"):
                self._base.execute(CREATE)
                self._base.execute(FILES)
                self._base.execute(f"PRAGMA application_id = {APPLICATION}")
                self._base.execute(f"PRAGMA user_version = {SCHEMA}")
            self._base.execute("COMMIT")
        application, schema = self._one("PRAGMA application_id"), self._one("PRAGMA user_version")
        if application != APPLICATION:
            raise FileFormatError(f"'{self.path}' is a SQLite file of another program; name another file for the results.")
        if not 1 <= schema <= SCHEMA:
            raise FileFormatError(
                f"'{self.path}' has results in format {schema}, and this collsim reads formats 1 to {SCHEMA}; use the "
                "collsim that wrote it, or another file."
            )
        columns = {str(row[1]) for row in self._base.execute("PRAGMA table_info(points)")}
        self._kept = schema == SCHEMA
        if not {*COLUMNS} - {"asked"} <= columns:
            raise FileFormatError(f"'{self.path}' lacks columns of a file of results; it is damaged, so name another file.")
        if create and not self._kept:
            self._extend()

    def _extend(self) -> None:
        """Bring a file of format 1 to this one."""
        self._base.execute("BEGIN IMMEDIATE")
        # Another sweep may have done so while this one waited for the lock.
        if self._one("PRAGMA user_version") != SCHEMA:
            self._base.execute(EXTEND)
            self._base.execute(FILES)
            self._base.execute(f"PRAGMA user_version = {SCHEMA}")
        self._base.execute("COMMIT")
        self._kept = True

    def _one(self, question: str) -> int:
        return int(self._base.execute(question).fetchone()[0])

    @contextmanager
    def _told(self, does: str = "write") -> Iterator[None]:
        """Tell what SQLite says in a sentence with a cure."""
        try:
            yield
        except sqlite3.OperationalError as error:
            said = str(error)
            if "decode" in said or "no such" in said:
                raise self._damaged(said.partition(" with text")[0]) from error
            cure = next((cure for word, cure in CURES.items() if word in said), "see to that")
            raise WriteFailed(
                f"Cannot {does} '{self.path}': {said}; {cure} and repeat the command, which goes on where this one stopped."
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        except ValueError as error:  # of JSON
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> FileFormatError:
        return FileFormatError(f"'{self.path}' holds no results of a sweep, or is damaged: {why}; name another file.")

    def keep(self, files: Iterable[tuple[str, str, bytes]]) -> None:
        """Add files that points name, each (path, digest, content), unless they are there. Raises WriteFailed."""
        wanted = [(digest, path, content) for path, digest, content in files]
        with self._told():
            there = {digest for (digest,) in self._base.execute("SELECT digest FROM files")} if wanted else set()
            new = [row for row in wanted if row[0] not in there]
            if new:
                self._transaction("INSERT OR IGNORE INTO files (digest, path, content) VALUES (?, ?, ?)", new)

    def file(self, digest: str) -> bytes | None:
        """Return the content of a file that points named; None where it was not kept."""
        with self._told("read"):
            question = "SELECT content FROM files WHERE digest = ?"
            found = self._base.execute(question, (digest,)).fetchone() if self._kept else None
        return None if found is None else bytes(found[0])

    def _transaction(self, statement: str, values: list[tuple[Any, ...]]) -> None:
        try:
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany(statement, values)
            self._base.execute("COMMIT")
        except BaseException:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise

    def write(self, rows: Iterable[Row]) -> None:
        """Add the rows in one transaction, or none of them. A row that is done stays; one that is not gives way.

        Raises WriteFailed when the disk is full or broken, or another writer keeps the file for a minute.
        """
        values = [row.values() for row in rows]
        if not values:
            return
        with self._told():
            self._transaction(INSERT, values)

    def statuses(self) -> dict[str, str]:
        """Return {key: status} of all rows."""
        with self._told("read"):
            return dict(self._base.execute("SELECT key, status FROM points").fetchall())

    def rows(self, keys: Iterable[str] | None = None) -> list[Row]:
        """Return the rows of `keys` that are there, in that order; without `keys` all, in the order of their grid."""
        names = ("key", "kind", "status", "error", *TAIL)
        asked = names if self._kept else (*names[:-1], "'{}' AS asked")
        rows = {}
        with self._told("read"):
            for values in self._base.execute(f"SELECT {', '.join(asked)} FROM points ORDER BY position, finished, key"):
                fields = dict(zip(names, values, strict=True))
                fields |= {name: json.loads(fields[name]) for name in JSON}
                rows[fields["key"]] = Row(**fields)
        return list(rows.values()) if keys is None else [rows[key] for key in keys if key in rows]

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
