"""Checks of the exercises of the chapter on the remote store. They work in a namespace of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import grpc

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.clients import ContainersClient
from companion.core import namespaces
from companion.core.containers import Container, RuntimeInfo, Store
from companion.core.errors import AlreadyExists, Error, NotFound, PermissionDenied
from companion.core.namespaces import Namespace, namespace
from companion.core.typeurl import OCI_SPEC, Any
from companion.guide.checks.judging import NotYet, expect, judged
from companion.guide.describe import describe_error
from companion.remote.containers import RemoteContainerStore


@contextmanager
def _refused(what: str, expected: type[Error]) -> Iterator[None]:
    try:
        yield
    except expected:
        return
    except Exception as error:
        raise NotYet(f"{what}: expected {expected.__name__}, got {_described(error)}") from error
    raise NotYet(f"{what}: expected {expected.__name__}, but nothing was raised")


def _expect_status(what: str, call: Callable[[], object]) -> None:
    """A store lets an error with a class pass; but a client has the errors of a stub."""
    try:
        call()
    except grpc.RpcError:
        return
    except Error as error:
        raise NotYet(f"{what}: expected a status, got the class {describe_error(error)}") from error


@contextmanager
def _answered(what: str) -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise NotYet(f"{what}: expected an answer, got {describe_error(error)}") from error


def _described(error: Exception) -> str:
    leaked = "gRPC's own " if isinstance(error, grpc.RpcError) else ""
    return f"{leaked}{describe_error(error)}"


def _expect_instance(what: str, expected: type, came: object) -> None:
    """Two classes may share a name, as both of `Any` do, so their modules are named too."""
    if not isinstance(came, expected):
        raise NotYet(f"{what}: expected {_full_name(expected)}, got {_full_name(type(came))}")


def _full_name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


@contextmanager
def _kept(store: Store, id: str, labels: Mapping[str, str]) -> Iterator[Container]:
    """Keep a new record for the block; whatever became of it is removed afterwards."""
    record = Container(id, labels=labels, runtime=RuntimeInfo("demo"), spec=Any(OCI_SPEC, b"{}"))
    try:
        yield store.create(record)
    finally:
        for left in store.list():
            store.delete(left.id)


@judged
@namespace("exercise")
def prediction(store: Store, predicted: Mapping[str, str] | None) -> str:
    """Hold the labels that a reader predicts against those that a masked update leaves."""
    if not isinstance(predicted, Mapping):
        raise NotYet(f"expected a dictionary of labels, got {predicted!r}")
    with _kept(store, "predicted", {"a": "1", "b": "2"}):
        store.update(Container("predicted", labels={"a": "9"}), "labels")
        left = dict(store.get("predicted").labels)
    if dict(predicted) != left:
        raise NotYet(f"you expected {dict(predicted)!r}, the daemon keeps {left!r}. Why?")
    return f"the daemon keeps {left!r}: the path names the whole mapping, and the update replaced it"


@judged
@namespace("exercise")
def extensions(
    to_message: Callable[[Container], pb.Container],
    from_message: Callable[[pb.Container], Container],
    client: ContainersClient,
) -> str:
    """Send a record with extensions through the reader's conversions, there and back."""
    store = RemoteContainerStore(client)
    given = {"note": Any("text", b"kept"), "empty": Any("", b"")}
    with _kept(store, "plain", {}) as plain:
        record = Container(
            "extended", labels={"a": "1"}, runtime=plain.runtime, spec=plain.spec, extensions=given
        )
        sent = to_message(record)
        _expect_instance("what goes to the daemon", pb.Container, sent)
        client.Create(pb.CreateContainerRequest(container=sent))
        kept = store.get("extended")
        expect("extensions that the daemon keeps", given, dict(kept.extensions))
        message = client.Get(pb.GetContainerRequest(id="extended")).container
        came = from_message(message)
        _expect_instance("what comes back", Container, came)
        for name, value in sorted(came.extensions.items()):
            _expect_instance(f"the extension {name!r} that comes back", Any, value)
        expect("extensions that come back", given, dict(came.extensions))
        if came != kept:
            raise NotYet("the extensions came back, but another field of the record was lost")
    return "both extensions went to the daemon and came back, and nothing else was lost"


@judged
@namespace("exercise")
def read_only(reader: ContainersClient, client: ContainersClient) -> str:
    """Read and write through the reader's client; `client` shows what the daemon has of it."""
    store, through = RemoteContainerStore(client), RemoteContainerStore(reader)
    with _kept(store, "kept", {"a": "1"}) as record:
        with _answered("get"):
            expect("get", record, through.get("kept"))
        with _answered("list"):
            expect("list", [record], list(through.list()))
        with _refused("create", PermissionDenied):
            through.create(Container("other", runtime=record.runtime, spec=record.spec))
        with _refused("update", PermissionDenied):
            through.update(Container("kept", labels={"a": "2"}), "labels")
        with _refused("delete", PermissionDenied):
            through.delete("kept")
        _expect_status("Delete", lambda: reader.Delete(pb.DeleteContainerRequest(id="kept")))
        left = {each.id: dict(each.labels) for each in store.list()}
        expect("containers in the daemon afterwards, with labels", {"kept": {"a": "1"}}, left)
    return "get and list answer; create, update and delete raise PermissionDenied; the daemon saw none"


@judged
@namespace("exercise")
def namespace_store(mine: namespaces.Store, finished: namespaces.Store) -> str:
    """Use the reader's store of namespaces, and look at its work through the finished one."""
    team = Namespace("team", {"owner": "you"})
    try:
        mine.create(team)
        if team.name not in _names(finished):
            raise NotYet('create: expected a namespace "team" in the daemon, but it has none')
        expect('labels of "team" in the daemon', team.labels, finished.get("team").labels)
        found, listed = mine.get("team"), mine.list()
        _expect_instance("get", Namespace, found)
        expect("get", team, found)
        _expect_instance("list", list, listed)
        expect("list", list(finished.list()), listed)
        with _refused("creating it again", AlreadyExists):
            mine.create(team)
        mine.delete("team")
        if team.name in _names(finished):
            raise NotYet('delete: "team" is still in the daemon')
        with _refused("deleting it again", NotFound):
            mine.delete("team")
    finally:
        if team.name in _names(finished):
            finished.delete("team")
    return "create, get, list and delete reach the daemon, and its errors arrive with their classes"


def _names(store: namespaces.Store) -> list[str]:
    return [each.name for each in store.list()]
