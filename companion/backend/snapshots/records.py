"""What a snapshotter knows of its snapshots: a small database of its own, with a number for each.

A number stands for a directory, so none is ever given twice. containerd: core/snapshots/storage, over bbolt.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from companion.core.quote import quote
from companion.core.snapshots import Info, Kind, Usage

_FORMAT = 1

_SETTINGS = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
"""

_SCHEMA = f"""
BEGIN;
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    parent INTEGER REFERENCES snapshots (id),
    size INTEGER NOT NULL DEFAULT 0,
    inodes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX children ON snapshots (parent);
PRAGMA user_version = {_FORMAT};
COMMIT;
"""


class RecordsError(Exception):
    """The database cannot be used; the text begins with its path."""


@dataclass(frozen=True, slots=True)
class Record:
    """A snapshot, and the numbers of those below it, the nearest first. containerd: storage.Snapshot."""

    id: int
    key: str
    kind: Kind
    parents: tuple[int, ...]
    usage: Usage


class Records:
    """The records in the file `path`, made when missing. May be used from many threads.

    Raises `RecordsError` for a file that is in use, foreign or of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
        try:
            self._connection.executescript(_SETTINGS)
            self._check_format()
        except (sqlite3.Error, RecordsError) as error:
            self._connection.close()
            raise RecordsError(f"{path}: {error}") from None

    def get(self, key: str) -> Record:
        """Return a record. Raises `NotFound`."""
        with self._lock:
            row = self._select("key = ?", key)
            if row is None:
                raise NotFound(f"snapshot {key} does not exist")
            number, kind, parent, size, inodes = row
            return Record(number, key, Kind(kind), tuple(self._chain(parent)), Usage(size, inodes))

    def mountable(self, key: str) -> Record:
        """Return the record of an active snapshot or a view. Raises `NotFound`, `FailedPrecondition`."""
        record = self.get(key)
        if record.kind is Kind.COMMITTED:
            raise FailedPrecondition(f"requested snapshot {key} not active or view")
        return record

    def active(self, key: str) -> Record:
        """Return the record of an active snapshot. Raises `NotFound`, `FailedPrecondition`."""
        record = self.get(key)
        if record.kind is not Kind.ACTIVE:
            raise FailedPrecondition(f"snapshot {quote(key)} is not active")
        return record

    def parents(self, parent: str) -> tuple[int, ...]:
        """Return the numbers that a new snapshot is on top of. Raises `NotFound`, `InvalidArgument`."""
        if not parent:
            return ()
        record = self.get(parent)
        if record.kind is not Kind.COMMITTED:
            raise InvalidArgument(f"parent {quote(parent)} is not committed snapshot")
        return (record.id, *record.parents)

    def create(self, kind: Kind, key: str, parent: str, place: Callable[[int], None]) -> Record:
        """Write a new record, and let `place` put the directory there: the record is seen after that.

        Raises `AlreadyExists`, and as `parents`.
        """
        with self._lock, self._connection:
            parents = self.parents(parent)
            if self._select("key = ?", key) is not None:
                raise AlreadyExists(f"snapshot {key}")
            cursor = self._connection.execute(
                "INSERT INTO snapshots (key, kind, parent) VALUES (?, ?, ?)",
                (key, kind, parents[0] if parents else None),
            )
            number = cursor.lastrowid or 0
            place(number)
            return Record(number, key, kind, parents, Usage())

    def commit(self, name: str, key: str, usage: Usage) -> None:
        """Turn an active snapshot into a committed one.

        Raises `NotFound`, `FailedPrecondition` when it is not active, `AlreadyExists`.
        """
        with self._lock, self._connection:
            record = self.active(key)
            try:
                self._connection.execute(
                    "UPDATE snapshots SET key = ?, kind = ?, size = ?, inodes = ? WHERE id = ?",
                    (name, Kind.COMMITTED, usage.size, usage.inodes, record.id),
                )
            except sqlite3.IntegrityError:
                raise AlreadyExists(f"committed snapshot {name}") from None

    def remove(self, key: str) -> None:
        """Forget a snapshot. Raises `NotFound`, `FailedPrecondition` when it has children."""
        with self._lock, self._connection:
            record = self.get(key)
            try:
                self._connection.execute("DELETE FROM snapshots WHERE id = ?", (record.id,))
            except sqlite3.IntegrityError:
                raise FailedPrecondition("cannot remove snapshot with child") from None

    def list(self) -> Sequence[Info]:
        """Return all snapshots in the order in which they were made, so parents come first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT snapshots.key, parents.key, snapshots.kind FROM snapshots"
                " LEFT JOIN snapshots AS parents ON parents.id = snapshots.parent ORDER BY snapshots.id"
            )
            return [Info(key, parent or "", Kind(kind)) for key, parent, kind in rows]

    def unless_known(self, number: int, act: Callable[[], object]) -> None:
        """Call `act` if no snapshot has this number; none gets it meanwhile."""
        with self._lock:
            if self._select("id = ?", number) is None:
                act()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._connection.close()

    def _select(self, where: str, value: str | int) -> tuple[int, int, int | None, int, int] | None:
        found: tuple[int, int, int | None, int, int] | None = self._connection.execute(
            f"SELECT id, kind, parent, size, inodes FROM snapshots WHERE {where}", (value,)
        ).fetchone()
        return found

    def _chain(self, number: int | None) -> Iterator[int]:
        while number is not None:
            yield number
            found = self._connection.execute("SELECT parent FROM snapshots WHERE id = ?", (number,))
            (number,) = found.fetchone()

    def _check_format(self) -> None:
        ((found,),) = self._connection.execute("PRAGMA user_version")
        if found > _FORMAT:
            raise RecordsError(f"format {found} is newer than this version reads ({_FORMAT})")
        if found == 0:
            self._connection.executescript(_SCHEMA)
