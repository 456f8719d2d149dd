"""Chapter 5, store: what its exercises are held against."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import combinations
from pathlib import Path

from companion.core.containers import Container, RuntimeInfo, Store
from companion.core.errors import InvalidArgument, Unavailable
from companion.core.leases import Lease
from companion.core.namespaces import namespace
from companion.core.typeurl import Any
from companion.guide.store_suite import sample
from companion.store import container_rules
from companion.store.containers import ContainerStore
from companion.store.database import Database
from companion.store.leases import LeaseManager

FAULTS: Mapping[str, Mapping[str, object]] = {
    "an id that is no identifier": {"id": "no good"},
    "an extension without a name": {"extensions": {"": Any("example", b"")}},
    "a label that is too long": {"labels": {"key": "x" * 5000}},
    "no name of a runtime": {"runtime": RuntimeInfo()},
    "no spec": {"spec": None},
    "a snapshot key but no snapshotter": {"snapshot_key": "key"},
}


@contextmanager
def fresh_database() -> Iterator[Database]:
    """A new database, in the namespace `builder`, which goes with the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(Path(folder, "meta.db")) as db,
        namespace("builder"),
    ):
        yield db


def check_commits(script: Callable[[Database], object], prediction: int | None) -> None:
    """Run `script` on a fresh database and hold the number of its commits against the prediction."""
    if prediction is None:
        print("not yet: prediction is None, expected the number of commits")
        return
    with fresh_database() as db:
        before = _commits(db)
        script(db)
        made = _commits(db) - before
    if made != prediction:
        print(f"not yet: you predicted {prediction}, the database counted {made}")
    else:
        print(f"right: the database counted {made}")


def check_ids(ids_in: Callable[[Database, str], list[str]]) -> None:
    """Hold the ids that the reader's walk finds in three namespaces against those of the store."""
    with fresh_database() as db:
        store = ContainerStore(db)
        for name, ids in {"builder": ["b2", "B1", "b10"], "builder-2": ["z"]}.items():
            with namespace(name):
                LeaseManager(db).create(Lease("keep"))
                for container in map(sample, ids):
                    store.create(container)
        for name in ("builder", "builder-2", "moby"):
            with namespace(name):
                expected = [container.id for container in store.list()]
            found = ids_in(db, name)
            if found != expected:
                print(f"not yet: in the namespace {name} expected {expected}, got {found}")
                return
    print("right: the walk finds what the store lists, in the same order")


def check_prune(prune: Callable[[Database, Store, str], Sequence[str]]) -> None:
    """Let the reader's `prune` remove two containers of three, first with a store that fails half way."""
    with fresh_database() as db:
        for name, role in {"one": "web", "two": "db", "zero": "web"}.items():
            ContainerStore(db).create(sample(name, labels={"role": role}))
        with suppress(Unavailable):
            prune(db, _Failing(db), "labels.role==web")
        half = _ids(db)
        before = _commits(db)
        removed = list(prune(db, ContainerStore(db), "labels.role==web"))
        made, left = _commits(db) - before, _ids(db)
    if half != ["one", "two", "zero"]:
        print(f"not yet: the second deletion failed, expected all three to be left, got {half}")
    elif left != ["two"]:
        print(f"not yet: expected ['two'] to be left, got {left}")
    elif made != 1:
        print(f"not yet: expected one commit, got {made}")
    elif removed != ["one", "zero"]:
        print(f"not yet: expected prune to return ['one', 'zero'], got {removed}")
    else:
        print("right: two removed in one commit, and none when the second fails")


def check_validate(validate: Callable[[Container, str], None]) -> None:
    """Hold the reader's `validate` against the companion's: a good record, each fault, each two of them."""
    cases = [faults for number in (0, 1, 2) for faults in combinations(FAULTS, number)]
    for faults in cases:
        fields = {name: value for fault in faults for name, value in FAULTS[fault].items()}
        record = sample(**fields)  # type: ignore[arg-type]
        expected, found = _answer(container_rules.validate, record), _answer(validate, record)
        if found != expected:
            print(f"not yet: a record with {' and '.join(faults) or 'nothing wrong'}:")
            print(f"expected {expected}\ngot      {found}")
            return
    print(f"right: {len(cases)} records, each with the companion's answer")


class _Failing(ContainerStore):
    """A store that can delete one record and no second."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._deleted = 0

    def delete(self, id: str) -> None:
        if self._deleted:
            raise Unavailable("the second deletion")
        self._deleted += 1
        super().delete(id)


def _answer(validate: Callable[[Container, str], None], record: Container) -> str:
    try:
        validate(record, "create container failed validation")
    except InvalidArgument as error:
        return str(error)
    return "no error"


def _commits(db: Database) -> int:
    return int(db.environment.info()["last_txnid"])


def _ids(db: Database) -> list[str]:
    return [container.id for container in ContainerStore(db).list()]
