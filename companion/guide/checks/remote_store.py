"""Checks of the exercises of the chapter on the remote store. They work in a namespace of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.clients import ContainersClient
from companion.core import namespaces
from companion.core.containers import Container, RuntimeInfo, Store
from companion.core.errors import AlreadyExists, Error, NotFound, PermissionDenied
from companion.core.namespaces import Namespace, namespace
from companion.core.typeurl import OCI_SPEC, Any
from companion.guide.checks.judging import NotYet, expect, judged
from companion.remote.containers import RemoteContainerStore


@contextmanager
def _refused(what: str, expected: type[Error]) -> Iterator[None]:
    try:
        yield
    except expected:
        return
    except Exception as error:
        raise NotYet(f"{what}: expected {expected.__name__}, got {type(error).__name__}: {error}") from error
    raise NotYet(f"{what}: expected {expected.__name__}, but nothing was raised")


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
    if predicted is None:
        raise NotYet("expected a mapping of labels, got None")
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
        client.Create(pb.CreateContainerRequest(container=to_message(record)))
        kept = store.get("extended")
        expect("extensions that the daemon keeps", given, dict(kept.extensions))
        message = client.Get(pb.GetContainerRequest(id="extended")).container
        came = from_message(message)
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
        expect("get", record, through.get("kept"))
        expect("list", [record], list(through.list()))
        with _refused("create", PermissionDenied):
            through.create(Container("other", runtime=record.runtime, spec=record.spec))
        with _refused("update", PermissionDenied):
            through.update(Container("kept", labels={"a": "2"}), "labels")
        with _refused("delete", PermissionDenied):
            through.delete("kept")
        expect("records in the daemon afterwards", [record], list(store.list()))
    return "get and list answer; create, update and delete raise PermissionDenied; the daemon saw none"


@judged
@namespace("exercise")
def namespace_store(mine: namespaces.Store, finished: namespaces.Store) -> str:
    """Use the reader's store of namespaces, and look at its work through the finished one."""
    team = Namespace("team", {"owner": "you"})
    try:
        mine.create(team)
        expect('labels of "team" in the daemon', team.labels, finished.get("team").labels)
        expect("get", team, mine.get("team"))
        expect("list", list(finished.list()), mine.list())
        with _refused("creating it again", AlreadyExists):
            mine.create(team)
        mine.delete("team")
        expect("namespaces after delete", False, team in finished.list())
        with _refused("deleting it again", NotFound):
            mine.delete("team")
    finally:
        if any(left.name == team.name for left in finished.list()):
            finished.delete("team")
    return "create, get, list and delete reach the daemon, and its errors arrive with their classes"
