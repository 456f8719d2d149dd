"""The database: transactions that join, commits that are shared, files that are refused."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmdb
import pytest

from companion.core.namespaces import current, namespace
from companion.store import file_format
from companion.store.bucket import Bucket, DatabaseError
from companion.store.database import Database


class Undo(Exception):
    """What an update fails with here."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meta.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    with Database(path) as db:
        yield db


def put(db: Database, key: str, value: bytes = b"v") -> None:
    db.update(lambda root: root.create_bucket("b").put(key, value))


def keys(db: Database) -> list[str]:
    def read(root: Bucket) -> list[str]:
        bucket = root.bucket("b")
        return [] if bucket is None else [key for key, _ in bucket.items()]

    return db.view(read)


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    with Database(path) as db:
        put(db, "k")
    with Database(path) as db:
        assert keys(db) == ["k"]


def test_an_update_that_fails_leaves_nothing(db: Database) -> None:
    def fail(root: Bucket) -> None:
        root.create_bucket("b").put("k", b"v")
        raise Undo

    with pytest.raises(Undo):
        db.update(fail)
    assert db.view(lambda root: root.bucket("b")) is None


def test_an_update_inside_an_update_joins_it(db: Database) -> None:
    def outer(root: Bucket) -> None:
        put(db, "inner")
        raise Undo

    with pytest.raises(Undo):
        db.update(outer)
    assert keys(db) == []


def test_a_view_inside_an_update_sees_what_is_not_committed_yet(db: Database) -> None:
    def outer(root: Bucket) -> list[str]:
        put(db, "inner")
        return keys(db)

    assert db.update(outer) == ["inner"]


def test_an_update_inside_a_view_is_refused(db: Database) -> None:
    with pytest.raises(DatabaseError, match="unable to update inside a read transaction"):
        db.view(lambda root: put(db, "k"))


def test_a_reader_keeps_its_snapshot_while_a_writer_commits(db: Database) -> None:
    put(db, "first")

    def read(root: Bucket) -> list[str]:
        writer = threading.Thread(target=put, args=(db, "second"))
        writer.start()
        writer.join()
        return keys(db)

    assert db.view(read) == ["first"]
    assert keys(db) == ["first", "second"]


def test_two_databases_in_one_context_do_not_mix(db: Database, tmp_path: Path) -> None:
    with Database(tmp_path / "other.db") as other:
        db.update(lambda root: put(other, "k"))
        assert (keys(db), keys(other)) == ([], ["k"])


def held(db: Database) -> tuple[threading.Thread, threading.Event]:
    """A writer that holds its transaction until the event is set, so that others have to queue."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(root: Bucket) -> None:
        inside.set()
        go_on.wait()

    writer = threading.Thread(target=lambda: db.update(hold))
    writer.start()
    inside.wait()
    return writer, go_on


def queued(db: Database, calls: int) -> None:
    while db._waiting.qsize() < calls:
        threading.Event().wait(0.001)


def test_updates_that_wait_share_one_commit(db: Database) -> None:
    writer, go_on = held(db)
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(put, db, str(n)) for n in range(8)]
        queued(db, 8)
        before = db.environment.info()["last_txnid"]
        go_on.set()
        for write in writes:
            write.result()
    writer.join()
    assert keys(db) == [str(n) for n in range(8)]
    # The holder wrote nothing, so it committed nothing.
    assert db.environment.info()["last_txnid"] == before + 1


def test_one_that_fails_in_a_shared_commit_undoes_only_itself(db: Database) -> None:
    def bad(root: Bucket) -> None:
        root.create_bucket("b").put("bad", b"")
        raise Undo

    writer, go_on = held(db)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(put, db, "first")
        queued(db, 1)
        failing = pool.submit(db.update, bad)
        queued(db, 2)
        second = pool.submit(put, db, "second")
        queued(db, 3)
        go_on.set()
    writer.join()
    assert (first.exception(), second.exception()) == (None, None)
    assert isinstance(failing.exception(), Undo)
    assert keys(db) == ["first", "second"]


def test_each_update_runs_in_the_context_of_its_caller(db: Database) -> None:
    def named(name: str) -> str:
        with namespace(name):
            return db.update(lambda root: current.get())

    writer, go_on = held(db)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(named, name) for name in ("one", "two")]
        queued(db, 2)
        go_on.set()
    writer.join()
    assert [call.result() for call in calls] == ["one", "two"]


def test_a_full_map_fails_one_update_and_spares_the_others(path: Path) -> None:
    with Database(path, map_size=1 << 20) as db:
        writer, go_on = held(db)
        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(put, db, "first")
            queued(db, 1)
            large = pool.submit(put, db, "large", bytes(2 << 20))
            queued(db, 2)
            second = pool.submit(put, db, "second")
            queued(db, 3)
            go_on.set()
        writer.join()
        assert (first.exception(), second.exception()) == (None, None)
        assert isinstance(large.exception(), DatabaseError)
        assert "MDB_MAP_FULL" in str(large.exception())
        assert keys(db) == ["first", "second"]


def test_the_environment_flushes_every_commit(db: Database) -> None:
    flags = db.environment.flags()
    assert (flags["sync"], flags["metasync"], flags["writemap"]) == (True, True, False)


def test_a_file_that_another_daemon_holds_is_refused(db: Database, path: Path) -> None:
    with pytest.raises(DatabaseError, match=f"{path}: in use by another process"):
        Database(path)


def test_a_foreign_file_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(DatabaseError, match=f"{path}: not a database of this daemon"):
        Database(path)
    assert path.read_bytes() == b"something else" * 1000


def test_a_foreign_lmdb_file_is_refused(path: Path) -> None:
    with lmdb.open(str(path), subdir=False) as environment, environment.begin(write=True) as txn:
        txn.put(b"theirs", b"1")
    with pytest.raises(DatabaseError, match="not a database of this daemon"):
        Database(path)


@pytest.mark.parametrize("left", [200, 4096, 5000, 8192, 16384])
def test_a_truncated_file_is_refused(path: Path, left: int) -> None:
    with Database(path) as db:
        put(db, "k", bytes(100_000))
    os.truncate(path, left)
    with pytest.raises(DatabaseError, match="truncated"):
        Database(path)
    assert path.stat().st_size == left


def test_a_newer_format_is_refused(path: Path) -> None:
    with Database(path) as db:
        db.update(lambda root: root.put("format", b"2"))
    with pytest.raises(DatabaseError, match=r"format 2 is newer than this version reads \(1\)"):
        Database(path)


def test_an_older_format_is_brought_up_step_by_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database(path) as db:
        put(db, "k")
    monkeypatch.setattr(file_format, "FORMAT", 3)
    monkeypatch.setattr(
        file_format,
        "UPGRADES",
        {
            1: lambda root: root.create_bucket("b").put("two", b""),
            2: lambda root: root.create_bucket("three"),
        },
    )
    with Database(path) as db:
        assert keys(db) == ["k", "two"]
        assert db.view(lambda root: root.get("format")) == b"3"
        assert list(db.view(lambda root: list(root.buckets()))) == ["b", "three"]


def test_closing_twice_does_nothing(path: Path) -> None:
    db = Database(path)
    db.close()
    db.close()
    Database(path).close()
