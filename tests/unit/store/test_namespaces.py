"""The namespace store: a namespace is a bucket, and its labels are a value in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from companion.core.leases import Lease
from companion.core.namespaces import Namespace, namespace
from companion.store.bucket import DatabaseError
from companion.store.database import Database
from companion.store.leases import LeaseManager
from companion.store.namespaces import NamespaceStore

TOO_LONG = {"key": "x" * 4094}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "meta.db") as db:
        yield db


@pytest.fixture
def store(db: Database) -> NamespaceStore:
    return NamespaceStore(db)


def names(store: NamespaceStore) -> list[str]:
    return [namespace.name for namespace in store.list()]


def put(db: Database, *path: str) -> None:
    """Write an object, as the store of its kind would."""
    *buckets, key = path
    db.update(lambda root: root.create_bucket("v1", *buckets).put(key, b"object"))


@pytest.mark.parametrize("name", ["nosuch", "", "a b"])
def test_a_namespace_that_does_not_exist_has_no_labels(store: NamespaceStore, name: str) -> None:
    assert store.get(name) == Namespace(name)


def test_namespaces_are_listed_bytewise_with_their_labels(store: NamespaceStore) -> None:
    assert store.list() == []
    for given in (Namespace("b"), Namespace("B", {"a": "1", "empty": ""}), Namespace("version")):
        store.create(given)
    assert store.list() == [Namespace("B", {"a": "1"}), Namespace("b"), Namespace("version")]


def test_a_namespace_exists_once_something_is_in_it(db: Database, store: NamespaceStore) -> None:
    put(db, "made-by-use", "containers", "c")
    assert store.list() == [Namespace("made-by-use")]
    with pytest.raises(AlreadyExists, match=r'^namespace "made-by-use": already exists$'):
        store.create(Namespace("made-by-use"))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (Namespace(""), "identifier must not be empty: invalid argument"),
        (
            Namespace("n", TOO_LONG),
            "namespace.Labels: label key and value greater than maximum size (4096 bytes), key: key"
            ": invalid argument",
        ),
    ],
)
def test_a_malformed_namespace_is_refused(store: NamespaceStore, given: Namespace, text: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        store.create(given)
    assert str(raised.value) == text
    assert store.list() == []


def test_an_update_by_path_leaves_the_other_labels_alone(store: NamespaceStore) -> None:
    store.create(Namespace("n", {"a": "1", "b": "1", "c": "1"}))
    store.update(
        Namespace("n", {"b": "2", "d.e/f": "2", "c": "", "a": "2"}), "labels.b", "labels.d.e/f", "labels.c"
    )
    assert store.get("n").labels == {"a": "1", "b": "2", "d.e/f": "2"}


def test_an_update_without_paths_replaces_all_labels(store: NamespaceStore) -> None:
    store.create(Namespace("n", {"a": "1"}))
    store.update(Namespace("n", {"z": "1"}))
    assert store.get("n").labels == {"z": "1"}


def test_an_update_creates_the_namespace(store: NamespaceStore) -> None:
    store.update(Namespace("new", {"a": "1"}), "labels.a")
    assert store.list() == [Namespace("new", {"a": "1"})]


@pytest.mark.parametrize("path", ["labels", "name", "", "label.a"])
def test_an_update_of_anything_but_a_label_changes_nothing(store: NamespaceStore, path: str) -> None:
    with pytest.raises(InvalidArgument, match=f'^cannot update "{path}" field: invalid argument$'):
        store.update(Namespace("n", {"a": "1"}), "labels.a", path)
    assert store.list() == []


def test_an_update_without_a_name_is_refused(store: NamespaceStore) -> None:
    with pytest.raises(DatabaseError, match=r"^bucket name required$"):
        store.update(Namespace("", {"a": "1"}))


def test_a_label_without_a_key_is_not_set(store: NamespaceStore) -> None:
    with pytest.raises(DatabaseError, match=r"^key required$"):
        store.create(Namespace("n", {"": "value"}))
    assert store.list() == []


def test_a_label_that_is_too_long_is_not_set(store: NamespaceStore) -> None:
    with pytest.raises(InvalidArgument, match=r"^namespace\.Labels: "):
        store.update(Namespace("n", TOO_LONG), "labels.key")
    assert store.list() == []


def test_a_deleted_namespace_is_gone_with_its_labels(store: NamespaceStore) -> None:
    store.create(Namespace("n", {"a": "1"}))
    store.create(Namespace("n2"))
    store.delete("n")
    assert names(store) == ["n2"]
    assert store.get("n") == Namespace("n")


@pytest.mark.parametrize("name", ["nosuch", ""])
def test_a_namespace_that_is_not_there_cannot_be_deleted(store: NamespaceStore, name: str) -> None:
    with pytest.raises(NotFound, match=f'^namespace "{name}": not found$'):
        store.delete(name)


def test_the_refusal_of_a_deletion_names_all_that_is_left(db: Database, store: NamespaceStore) -> None:
    for path in (
        ("snapshots", "overlayfs", "k"),
        ("snapshots", "native", "k"),
        ("containers", "c"),
        ("content", "blob", "sha256:1"),
        ("images", "i"),
    ):
        put(db, "n", *path)
    with pytest.raises(FailedPrecondition) as raised:
        store.delete("n")
    assert str(raised.value) == (
        'namespace "n" must be empty, but it still has images, blobs, containers, '
        'snapshots on "native" snapshotter, snapshots on "overlayfs" snapshotter: failed precondition'
    )


def test_leases_ingests_and_empty_buckets_go_with_their_namespace(
    db: Database, store: NamespaceStore
) -> None:
    put(db, "n", "content", "ingests", "ref")
    db.update(lambda root: root.create_bucket("v1", "n", "containers"))
    db.update(lambda root: root.create_bucket("v1", "n", "snapshots", "native"))
    with namespace("n"):
        LeaseManager(db).create(Lease("l"))
        store.delete("n")
        assert LeaseManager(db).list() == []
    assert store.list() == []
