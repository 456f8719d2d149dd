"""Chapter 5, store: what its exercises are held against."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

from companion.core.containers import Container, RuntimeInfo, Store
from companion.core.errors import InvalidArgument, Unavailable
from companion.core.leases import Lease
from companion.core.namespaces import namespace
from companion.core.typeurl import Any
from companion.guide.checks.judging import NotYet, expect, judged
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


@judged
def commits(script: Callable[[Database], object], prediction: int | None) -> str:
    """Run `script` on a fresh database and hold the number of its commits against the prediction."""
    if not isinstance(prediction, int):
        raise NotYet(f"prediction is {prediction!r}, expected the number of commits")
    with _fresh_database() as db:
        before = _commits(db)
        script(db)
        made = _commits(db) - before
    if made != prediction:
        raise NotYet(f"you predicted {prediction}, the database counted {made}. Why?")
    return f"right: the database counted {made}"


@judged
def walk(ids_in: Callable[[Database, str], list[str]]) -> str:
    """Hold the ids that the reader's walk finds in three namespaces against those of the store."""
    with _fresh_database() as db:
        for name, ids in {"builder": ["b2", "B1", "b10"], "builder-2": ["z"]}.items():
            with namespace(name):
                LeaseManager(db).create(Lease("keep"))
                for container in map(sample, ids):
                    ContainerStore(db).create(container)
        for name in ("builder", "builder-2", "moby"):
            with namespace(name):
                expect(f"ids in the namespace {name}", _ids(db), ids_in(db, name))
    return "right: the walk finds what the store lists, in the same order"


@judged
def prune(pruning: Callable[[Database, Store, str], Sequence[str]]) -> str:
    """Let the reader's `prune` remove two containers of three, then with a store that fails half way."""
    with _three_containers() as db:
        before = _commits(db)
        removed = pruning(db, ContainerStore(db), "labels.role==web")
        expect("containers left", ["two"], _ids(db))
        expect("what prune returned", ["one", "zero"], removed and list(removed))
        expect("commits", 1, _commits(db) - before)
    with _three_containers() as db:
        try:
            pruning(db, _Failing(db), "labels.role==web")
        except Unavailable:
            expect("containers left when the second deletion fails", ["one", "two", "zero"], _ids(db))
        else:
            raise NotYet("the store refused the second deletion, and prune did not pass its error on")
    return "right: two removed in one commit, and none when the second fails"


@judged
def validate(validating: Callable[[Container, str], None]) -> str:
    """Hold the reader's `validate` against the companion's: a good record, each fault, each two of them."""
    cases = [faults for number in (0, 1, 2) for faults in combinations(FAULTS, number)]
    for faults in cases:
        fields = {name: value for fault in faults for name, value in FAULTS[fault].items()}
        record = sample(**fields)  # type: ignore[arg-type]
        expected, found = _answer(container_rules.validate, record), _answer(validating, record)
        if found != expected:
            what = " and ".join(faults) or "nothing wrong"
            raise NotYet(f"a record with {what}:\nexpected {expected}\ngot      {found}")
    return f"right: {len(cases)} records, each with the companion's answer"


@contextmanager
def _fresh_database() -> Iterator[Database]:
    """A new database, in the namespace `builder`, which goes with the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(Path(folder, "meta.db")) as db,
        namespace("builder"),
    ):
        yield db


@contextmanager
def _three_containers() -> Iterator[Database]:
    with _fresh_database() as db:
        for name, role in {"one": "web", "two": "db", "zero": "web"}.items():
            ContainerStore(db).create(sample(name, labels={"role": role}))
        yield db


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
