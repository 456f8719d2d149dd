"""The database: one LMDB file, many readers, and writers that share their commits.

containerd keeps its metadata in bbolt, which is LMDB's design carried to Go: a B+tree in one file, one
writer at a time, readers that never wait.
"""

from __future__ import annotations

import contextvars
import fcntl
import os
import threading
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, Self, TypeVar

import lmdb

from companion.store.bucket import Bucket, DatabaseError, Transaction
from companion.store.file_format import check_file, upgrade

T = TypeVar("T")

MAP_SIZE = 1 << 40
"""How far the file may grow, in bytes. It takes address space only; a full map is an error, never a loss."""

_MAX_READERS = 1024
_READER_TABLE = 64 * (_MAX_READERS + 2)  # a slot for each, after a head of three


@dataclass(frozen=True, slots=True)
class _Joined:
    """The transaction that a context is inside of."""

    database: Database
    root: Bucket
    writable: bool


_joined: contextvars.ContextVar[_Joined | None] = contextvars.ContextVar("transaction", default=None)


def mark_dirty(type: str) -> None:
    """Say that the transaction of this context deletes something of a type, and so may leave garbage.

    containerd: the field dirty of metadata.DB.
    """
    joined = _joined.get()
    if joined is not None:
        joined.database.dirty.add(type)


class _Update(Generic[T]):
    """A function that waits to be run in a shared transaction, and what came of it."""

    __slots__ = ("_context", "_error", "_function", "_result", "answered")

    def __init__(self, function: Callable[[Bucket], T]) -> None:
        self._function = function
        # The thread that commits is another caller's: without this the function would work in its namespace.
        self._context = contextvars.copy_context()
        self._result: T
        self._error: BaseException | None = None
        self.answered = False

    def run(self, database: Database, txn: Transaction) -> None:
        """Run the function; when it fails, undo what it alone wrote."""
        self._error = None
        child = database.environment.begin(write=True, parent=txn)
        try:
            self._result = self._context.run(_inside, database, Bucket(child), True, self._function)
            child.commit()
        except BaseException as error:
            child.abort()
            self._error = error

    def fail(self, error: BaseException) -> None:
        self._error = error

    def result(self) -> T:
        if self._error is not None:
            raise _explained(self._error)
        return self._result


def _inside(database: Database, root: Bucket, writable: bool, function: Callable[[Bucket], T]) -> T:
    token = _joined.set(_Joined(database, root, writable))
    try:
        return function(root)
    finally:
        _joined.reset(token)


def _explained(error: BaseException) -> BaseException:
    return DatabaseError(f"database: {error}") if isinstance(error, lmdb.Error) else error


class Database:
    """A file of nested buckets with transactions. containerd: metadata.DB over bbolt.

    `path` is the file, made when missing. Raises `DatabaseError`, with the path, for a file that is
    locked by another daemon, foreign, truncated or of a newer format.
    """

    def __init__(self, path: Path, map_size: int = MAP_SIZE) -> None:
        self.path = path
        self._waiting: SimpleQueue[_Update[Any]] = SimpleQueue()
        self._turn = threading.Lock()
        self._callbacks: list[Callable[[int, Set[str]], object]] = []
        self.dirty: set[str] = set()
        self._lock = _lock(path)
        try:
            check_file(path)
            _reserve_reader_table(path)
            self.environment = lmdb.open(
                str(path), subdir=False, map_size=map_size, max_readers=_MAX_READERS, max_dbs=0, mode=0o600
            )
            self.environment.reader_check()
            self.update(upgrade)
        except (lmdb.Error, DatabaseError, OSError, OverflowError) as error:
            self.close()
            reason = error.strerror if isinstance(error, OSError) else error
            raise DatabaseError(f"{path}: {reason}") from None

    def view(self, function: Callable[[Bucket], T]) -> T:
        """Run `function` on a snapshot of the tree, or inside the transaction this context is in already."""
        joined = _joined.get()
        if joined is not None and joined.database is self:
            return function(joined.root)
        with self.environment.begin() as txn:
            return _inside(self, Bucket(txn), False, function)

    def update(self, function: Callable[[Bucket], T]) -> T:
        """Run `function` on the tree and return once its writes are on disk; on an error nothing is written.

        `function` may be run more than once, so it touches nothing but the tree. Updates of several
        threads share one commit. Within a transaction of this context it joins that one.
        Raises `DatabaseError` inside a `view`, and when the disk or the map is full.
        """
        joined = _joined.get()
        if joined is not None and joined.database is self:
            if not joined.writable:
                raise DatabaseError("unable to update inside a read transaction")
            return function(joined.root)
        update = _Update(function)
        self._waiting.put(update)
        with self._turn:
            if not update.answered:
                self._commit(self._all_waiting())
        return update.result()

    def on_mutation(self, callback: Callable[[int, Set[str]], object]) -> None:
        """Let `callback` be told of each commit: how many updates it had, and the types of what they deleted.

        It is called before the updates return, and the next commit waits for it, so it must be quick.
        containerd: RegisterMutationCallback.
        """
        self._callbacks.append(callback)

    def close(self) -> None:
        """Close the file, after the write that is under way; a second call does nothing."""
        with self._turn:
            # LMDB never returns from closing under a writer.
            if hasattr(self, "environment"):
                self.environment.close()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _all_waiting(self) -> list[_Update[Any]]:
        batch = []
        try:
            while True:
                batch.append(self._waiting.get_nowait())
        except Empty:
            return batch

    def _commit(self, batch: list[_Update[Any]]) -> None:
        """Write a batch with one flush. Whatever happens, every update of it is answered."""
        try:
            with self.environment.begin(write=True) as txn:
                for update in batch:
                    update.run(self, txn)
        except BaseException as error:
            # The commit itself failed, for example because the map is full: who is not to blame must not pay.
            if len(batch) > 1:
                for update in batch:
                    self._commit([update])
            else:
                batch[0].fail(error)
        else:
            self._tell(len(batch))
        for update in batch:
            update.answered = True

    def _tell(self, mutations: int) -> None:
        dirty, self.dirty = self.dirty, set()
        for callback in self._callbacks:
            callback(mutations, dirty)


def _lock(path: Path) -> int:
    """Hold the file against a second daemon; LMDB itself would let it in. Returns the open descriptor."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(f"{path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise DatabaseError(f"{path}: in use by another process") from None
    return descriptor


def _reserve_reader_table(path: Path) -> None:
    """Write out the file that LMDB maps to keep track of its readers, and would leave full of holes.

    A reader that comes while the disk is full could not fill its hole, and the process would end.
    """

    def private(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_CLOEXEC, 0o600)

    with open(f"{path}-lock", "ab", opener=private) as table:
        table.write(bytes(max(0, _READER_TABLE - table.tell())))
