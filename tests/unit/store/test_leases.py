"""The lease manager: leases of one namespace, and what each holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unimplemented
from companion.core.leases import Lease, Resource
from companion.core.namespaces import namespace
from companion.store.bucket import DatabaseError
from companion.store.database import Database
from companion.store.leases import LeaseManager

DIGEST = "sha256:" + "a" * 64
LEASE = Lease("l")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "meta.db") as db:
        yield db


@pytest.fixture
def manager(db: Database) -> Iterator[LeaseManager]:
    with namespace("builder"):
        yield LeaseManager(db)


def ids(manager: LeaseManager, *filters: str) -> list[str]:
    return [lease.id for lease in manager.list(*filters)]


def test_a_lease_is_kept_as_it_was_answered(manager: LeaseManager) -> None:
    created = manager.create(Lease("l", labels={"a": "1", "empty": ""}))
    assert created.created_at is not None
    assert created.labels == {"a": "1"}
    assert manager.list() == [created]


def test_leases_without_an_id_get_one_each(manager: LeaseManager) -> None:
    given = [manager.create(Lease()).id for _ in range(3)]
    assert "" not in given
    assert ids(manager) == sorted(given)


def test_an_id_may_be_any_text_but_not_twice(manager: LeaseManager) -> None:
    manager.create(Lease("a b/%"))
    with pytest.raises(AlreadyExists, match=r'^lease "a b/%": already exists$'):
        manager.create(Lease("a b/%"))


def test_leases_of_another_namespace_are_not_seen(manager: LeaseManager) -> None:
    manager.create(LEASE)
    with namespace("other"):
        assert manager.list() == []


def test_without_a_namespace_every_call_is_refused(db: Database) -> None:
    with pytest.raises(FailedPrecondition, match=r"^namespace is required: "):
        LeaseManager(db).list()


def test_filters_see_id_and_labels(manager: LeaseManager) -> None:
    manager.create(Lease("a", labels={"for": "pull"}))
    manager.create(Lease("b"))
    assert ids(manager, "id==b") == ["b"]
    assert ids(manager, "labels.for==pull") == ["a"]


def test_the_error_of_a_filter_ends_in_its_class_twice(manager: LeaseManager) -> None:
    with pytest.raises(
        InvalidArgument, match=r': unsupported operator "=": invalid argument: invalid argument$'
    ):
        manager.list("id=x")


def test_deleting_a_lease_lets_go_of_all_it_held(manager: LeaseManager) -> None:
    manager.create(LEASE)
    manager.add_resource(LEASE, Resource("ref", "ingests"))
    manager.delete(LEASE, sync=True)
    assert manager.list() == []
    manager.create(LEASE)
    assert manager.list_resources(LEASE) == []


def test_resources_are_listed_by_type_and_then_by_id(manager: LeaseManager) -> None:
    manager.create(LEASE)
    ordered = [
        Resource(DIGEST, "content"),
        Resource("a", "ingests"),
        Resource("b", "ingests"),
        Resource("k", "snapshots/native"),
        Resource("a", "snapshots/overlayfs"),
    ]
    for resource in reversed(ordered):
        manager.add_resource(LEASE, resource)
    assert manager.list_resources(LEASE) == ordered
    assert ids(manager) == ["l"]


def test_a_resource_is_added_and_deleted_as_often_as_one_likes(manager: LeaseManager) -> None:
    manager.create(LEASE)
    for _ in range(2):
        manager.add_resource(LEASE, Resource("k", "snapshots/native"))
    assert manager.list_resources(LEASE) == [Resource("k", "snapshots/native")]
    for _ in range(2):
        manager.delete_resource(LEASE, Resource("k", "snapshots/native"))
    manager.delete_resource(LEASE, Resource("k", "snapshots/never-leased"))
    assert manager.list_resources(LEASE) == []


@pytest.mark.parametrize("id", ["nol", ""])
def test_every_call_on_a_lease_that_is_not_there_says_so(manager: LeaseManager, id: str) -> None:
    resource = Resource("of no matter", "of no type")
    for call in (
        lambda: manager.delete(Lease(id)),
        lambda: manager.add_resource(Lease(id), resource),
        lambda: manager.delete_resource(Lease(id), resource),
        lambda: manager.list_resources(Lease(id)),
    ):
        with pytest.raises(NotFound, match=f'^lease "{id}": not found$'):
            call()


@pytest.mark.parametrize(
    ("resource", "error", "text"),
    [
        (Resource("x", "content/x"), InvalidArgument, "invalid resource type content/x: invalid argument"),
        (Resource("x", "ingests/x"), InvalidArgument, "invalid resource type ingests/x: invalid argument"),
        (
            Resource("x", "snapshots"),
            InvalidArgument,
            "invalid snapshot resource type snapshots: invalid argument",
        ),
        (
            Resource("x", "snapshots/a/b"),
            InvalidArgument,
            "invalid snapshot resource type snapshots/a/b: invalid argument",
        ),
        (Resource("x", "images"), Unimplemented, "resource type images not supported yet: not implemented"),
        (Resource("x", ""), Unimplemented, "resource type  not supported yet: not implemented"),
        (Resource("", "snapshots/native"), DatabaseError, "key required"),
    ],
)
def test_a_resource_of_a_wrong_type_is_refused(
    manager: LeaseManager, resource: Resource, error: type[Exception], text: str
) -> None:
    manager.create(LEASE)
    with pytest.raises(error) as raised:
        manager.add_resource(LEASE, resource)
    assert str(raised.value) == text
    assert manager.list_resources(LEASE) == []


@pytest.mark.parametrize(
    ("digest", "reason"),
    [
        ("", "invalid checksum digest format"),
        ("foo", "invalid checksum digest format"),
        ("sha256:", "invalid checksum digest format"),
        (":" + "a" * 64, "invalid checksum digest format"),
        ("SHA256:" + "a" * 64, "invalid checksum digest format"),
        ("sha256:" + "A" * 64, "invalid checksum digest format"),
        ("sha256:abc", "invalid checksum digest length"),
        ("sha512:" + "a" * 64, "invalid checksum digest length"),
        ("md5:" + "a" * 32, "unsupported digest algorithm"),
    ],
)
def test_a_malformed_digest_is_refused_with_the_reason(
    manager: LeaseManager, digest: str, reason: str
) -> None:
    manager.create(LEASE)
    with pytest.raises(InvalidArgument) as raised:
        manager.add_resource(LEASE, Resource(digest, "content"))
    assert str(raised.value) == f"invalid content resource id {digest}: {reason}: invalid argument"
