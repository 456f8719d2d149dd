"""The checks of chapter 5: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

import pytest

from companion.core.containers import Container, Store
from companion.core.errors import Error, InvalidArgument
from companion.core.identifiers import validate as validate_id
from companion.guide.checks import store as check
from companion.guide.store_suite import sample
from companion.store import container_rules
from companion.store.containers import ContainerStore
from companion.store.database import Database

Said = Callable[[], str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


def two_commits(db: Database) -> None:
    for name in ("a", "b"):
        ContainerStore(db).create(sample(name))


@pytest.mark.parametrize(
    ("prediction", "answer"),
    [
        (None, "not yet: prediction is None, expected the number of commits"),
        ("two", "not yet: prediction is 'two', expected the number of commits"),
        (3, "not yet: you predicted 3, the database counted 2. Why?"),
        (2, "right: the database counted 2"),
    ],
)
def test_a_prediction_is_held_against_the_database(prediction: object, answer: str, said: Said) -> None:
    check.commits(two_commits, prediction)  # type: ignore[arg-type]
    assert said() == answer


def walk(db: Database, namespace: str, start: bytes = b"\1") -> list[str]:
    prefix = f"v1\0{namespace}\0containers\0".encode()
    with db.environment.begin() as txn:
        cursor = txn.cursor()
        cursor.set_range(prefix + start)
        keys = takewhile(lambda key: key.startswith(prefix), cursor.iternext(values=False))
        return [key.removeprefix(prefix).decode() for key in keys]


def walk_from_the_bucket(db: Database, namespace: str) -> list[str]:
    return walk(db, namespace, b"")


def walk_too_far(db: Database, namespace: str) -> list[str]:
    return [name for place in ("builder", "builder-2") for name in walk(db, place)]


def test_a_walk_that_finds_what_the_store_lists_is_right(said: Said) -> None:
    check.walk(walk)
    assert said() == "right: the walk finds what the store lists, in the same order"


@pytest.mark.parametrize(
    ("walking", "came"),
    [
        (walk_from_the_bucket, "['', 'B1', 'b10', 'b2']"),
        (walk_too_far, "['B1', 'b10', 'b2', 'z']"),
    ],
)
def test_a_walk_that_finds_anything_else_is_shown_both(
    walking: Callable[[Database, str], list[str]], came: str, said: Said
) -> None:
    check.walk(walking)
    assert said() == f"not yet: ids in the namespace builder: expected ['B1', 'b10', 'b2'], got {came}"


def prune_one_by_one(db: Database, store: Store, *filters: str) -> Sequence[str]:
    ids = [container.id for container in store.list(*filters)]
    for name in ids:
        store.delete(name)
    return ids


def prune(db: Database, store: Store, *filters: str) -> Sequence[str]:
    return db.update(lambda _: prune_one_by_one(db, store, *filters))


def prune_and_say_nothing(db: Database, store: Store, *filters: str) -> Sequence[str]:
    prune(db, store, *filters)
    return []


def prune_in_silence(db: Database, store: Store, *filters: str) -> Sequence[str]:
    try:
        return prune(db, store, *filters)
    except Error:
        return []


def prune_and_return_nothing(db: Database, store: Store, *filters: str) -> None:
    prune(db, store, *filters)


def prune_what_goes(db: Database, store: Store, *filters: str) -> Sequence[str]:
    """Make one commit, but of whatever could be deleted before the error, which is raised after it."""
    failed: list[Error] = []

    def work(root: object) -> list[str]:
        ids = [container.id for container in store.list(*filters)]
        try:
            for name in ids:
                store.delete(name)
        except Error as error:
            failed.append(error)
        return ids

    ids = db.update(work)
    for error in failed:
        raise error
    return ids


def test_pruning_in_one_transaction_is_right(said: Said) -> None:
    check.prune(prune)
    assert said() == "right: two removed in one commit, and none when the second fails"


@pytest.mark.parametrize(
    ("pruning", "reason"),
    [
        (lambda db, store, *filters: prune(db, store), "containers left: expected ['two'], got []"),
        (prune_and_say_nothing, "what prune returned: expected ['one', 'zero'], got []"),
        (
            prune_and_return_nothing,
            "what prune returned: expected ['one', 'zero'], got None",
        ),
        (prune_one_by_one, "commits: expected 1, got 2"),
        (prune_in_silence, "the store refused the second deletion, and prune did not pass its error on"),
        (
            prune_what_goes,
            "containers left when the second deletion fails: expected ['one', 'two', 'zero'], "
            "got ['two', 'zero']",
        ),
        (lambda db, store, *filters: store.prune(), "your code raised AttributeError"),
    ],
)
def test_other_prunings_are_told_why_not(
    pruning: Callable[..., Sequence[str]], reason: str, said: Said
) -> None:
    check.prune(pruning)
    assert said().startswith(f"not yet: {reason}")


def test_the_rules_of_the_companion_are_right(said: Said) -> None:
    check.validate(container_rules.validate)
    assert said() == "right: 22 records, each with the companion's answer"


def id_alone(container: Container, prefix: str) -> None:
    try:
        validate_id(container.id)
    except Error as error:
        raise error.wrap(f"{prefix}: container.ID") from None


def spec_first(container: Container, prefix: str) -> None:
    if container.spec is None:
        raise InvalidArgument(f"{prefix}: container.Spec must be set")
    container_rules.validate(container, prefix)


def nothing_passes(container: Container, prefix: str) -> None:
    raise InvalidArgument("no")


@pytest.mark.parametrize(
    ("validating", "record", "came"),
    [
        (nothing_passes, "nothing wrong", "no: invalid argument"),
        (id_alone, "an extension without a name", "no error"),
        (
            spec_first,
            "an id that is no identifier and no spec",
            "create container failed validation: container.Spec must be set: invalid argument",
        ),
    ],
)
def test_other_rules_are_shown_the_record_that_tells_them_apart(
    validating: Callable[[Container, str], None], record: str, came: str, said: Said
) -> None:
    check.validate(validating)
    lines = said().splitlines()
    assert lines[0] == f"not yet: a record with {record}:"
    assert lines[2] == f"got      {came}"


def test_each_fault_is_one_that_the_companion_refuses() -> None:
    for fault in check.FAULTS.values():
        with pytest.raises(InvalidArgument):
            container_rules.validate(sample(**fault), "refused")  # type: ignore[arg-type]
