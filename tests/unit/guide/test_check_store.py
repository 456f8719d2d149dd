"""The checks of chapter 5: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

import pytest

from companion.core.containers import Container, Store
from companion.core.errors import InvalidArgument
from companion.guide.checks.store import FAULTS, check_commits, check_ids, check_prune, check_validate
from companion.guide.store_suite import sample
from companion.store import container_rules
from companion.store.containers import ContainerStore
from companion.store.database import Database


def two_commits(db: Database) -> None:
    for name in ("a", "b"):
        ContainerStore(db).create(sample(name))


@pytest.mark.parametrize(
    ("prediction", "said"),
    [
        (None, "not yet: prediction is None, expected the number of commits\n"),
        (3, "not yet: you predicted 3, the database counted 2\n"),
        (2, "right: the database counted 2\n"),
    ],
)
def test_a_prediction_is_held_against_the_database(
    prediction: int | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_commits(two_commits, prediction)
    assert capsys.readouterr().out == said


def walk(db: Database, namespace: str, end: bytes) -> list[str]:
    prefix = f"v1\0{namespace}\0containers\0".encode()
    with db.environment.begin() as txn:
        cursor = txn.cursor()
        cursor.set_range(prefix + end)
        keys = takewhile(lambda key: key.startswith(prefix), cursor.iternext(values=False))
        return [key.removeprefix(prefix).decode() for key in keys]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (b"\1", "right: the walk finds what the store lists, in the same order\n"),
        (
            b"",
            "not yet: in the namespace builder expected ['B1', 'b10', 'b2'], got ['', 'B1', 'b10', 'b2']\n",
        ),
    ],
)
def test_a_walk_is_held_against_the_store(end: bytes, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    check_ids(lambda db, namespace: walk(db, namespace, end))
    assert capsys.readouterr().out == said


def in_one(db: Database, store: Store, *filters: str) -> list[str]:
    return db.update(lambda root: one_by_one(db, store, *filters))


def one_by_one(db: Database, store: Store, *filters: str) -> list[str]:
    removed = [container.id for container in store.list(*filters)]
    for name in removed:
        store.delete(name)
    return removed


def without_answer(db: Database, store: Store, *filters: str) -> list[str]:
    in_one(db, store, *filters)
    return []


def everything(db: Database, store: Store, *filters: str) -> list[str]:
    return in_one(db, store)


@pytest.mark.parametrize(
    ("prune", "said"),
    [
        (in_one, "right: two removed in one commit, and none when the second fails\n"),
        (
            one_by_one,
            "not yet: the second deletion failed, expected all three to be left, got ['two', 'zero']\n",
        ),
        (without_answer, "not yet: expected prune to return ['one', 'zero'], got []\n"),
        (everything, "not yet: expected ['two'] to be left, got []\n"),
    ],
)
def test_a_prune_is_one_transaction(
    prune: Callable[..., list[str]], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check_prune(prune)
    assert capsys.readouterr().out == said


def only_the_id(container: Container, prefix: str) -> None:
    if container.id == "no good":
        container_rules.validate(container, prefix)


def nothing_passes(container: Container, prefix: str) -> None:
    raise InvalidArgument("no")


def test_validation_is_held_against_the_companions(capsys: pytest.CaptureFixture[str]) -> None:
    check_validate(container_rules.validate)
    assert capsys.readouterr().out == "right: 22 records, each with the companion's answer\n"
    check_validate(only_the_id)
    assert capsys.readouterr().out == (
        "not yet: a record with an extension without a name:\n"
        "expected create container failed validation: container.Extension keys must not be zero-length: "
        "invalid argument\n"
        "got      no error\n"
    )
    check_validate(nothing_passes)
    assert capsys.readouterr().out == (
        "not yet: a record with nothing wrong:\nexpected no error\ngot      no: invalid argument\n"
    )


def test_each_fault_is_one_that_the_companion_refuses() -> None:
    for fault in FAULTS.values():
        with pytest.raises(InvalidArgument):
            container_rules.validate(sample(**fault), "refused")  # type: ignore[arg-type]
