"""Updates that wait behind one writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.core.namespaces import current, namespace
from companion.guide.crowd import at_once
from companion.store.database import Database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "meta.db") as db:
        yield db


def put(db: Database, key: str) -> Callable[[], str]:
    def call() -> str:
        db.update(lambda root: root.put(key, b""))
        return key

    return call


def commits(db: Database) -> int:
    return int(db.environment.info()["last_txnid"])


def test_all_share_one_commit(db: Database) -> None:
    before = commits(db)
    assert at_once(db, *[put(db, f"k{n}") for n in range(5)]) == ["k0", "k1", "k2", "k3", "k4"]
    assert commits(db) == before + 1


def test_they_run_in_the_order_given(db: Database) -> None:
    ran: list[int] = []
    at_once(db, *[lambda n=n: db.update(lambda root: ran.append(n)) for n in range(5)])
    assert ran == [0, 1, 2, 3, 4]


def test_one_that_never_reaches_the_database_holds_nobody_up(db: Database) -> None:
    def refused() -> None:
        raise ValueError("refused")

    first, error, last = at_once(db, put(db, "first"), refused, put(db, "last"))
    assert (first, last) == ("first", "last")
    assert isinstance(error, ValueError)


def test_each_runs_in_the_context_of_the_caller(db: Database) -> None:
    with namespace("builder"):
        assert at_once(db, lambda: db.update(lambda root: current.get())) == ["builder"]
