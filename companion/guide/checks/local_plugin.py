"""Checks of the exercises of the chapter on the local plugin. Each works on a database of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from companion.api.events.container_pb2 import ContainerDelete
from companion.api.services.leases.v1 import leases_pb2 as pb
from companion.backend.exchange import Exchange, Subscription
from companion.client import Client, with_new_spec
from companion.clients import ContainersClient, LeasesClient, Services
from companion.core.containers import Container
from companion.core.errors import AlreadyExists, Error, InvalidArgument, NotFound
from companion.core.events import Envelope, Publisher
from companion.core.leases import Lease, Manager
from companion.core.namespaces import namespace
from companion.core.typeurl import Any
from companion.guide.checks.judging import NotYet, expect, judged
from companion.guide.describe import describe_error
from companion.guide.served import served
from companion.guide.store_suite import sample
from companion.local.containers import LocalContainersClient
from companion.remote.containers import RemoteContainerStore
from companion.service.leases import LeasesServer
from companion.store.containers import ContainerStore
from companion.store.database import Database

Script = Callable[[Database, ContainersClient], object]

WANTED = {
    ("/containers/delete", "exercise-db"),
    ("/containers/delete", "exercise-web"),
    ("/containers/delete", "builder-db"),
    ("/containers/update", "builder-web"),
    ("/containers/delete", "builder-web"),
}


class Renamer(Protocol):
    """A body that can give a container another id."""

    def Rename(self, old: str, new: str) -> object: ...


@judged
def prediction(script: Script, predicted: tuple[int, int] | None) -> str:
    """Run a script on the finished plugin, and count the events it sends and the containers it makes."""
    if not isinstance(predicted, tuple | list) or [type(number) for number in predicted] != [int, int]:
        raise NotYet(f"prediction is {predicted!r}, expected two numbers: (events heard, containers made)")
    exchange = Exchange()
    with _fresh_database() as db:
        store = ContainerStore(db)
        store.create(sample("taken"))
        subscription = exchange.subscribe()
        with suppress(grpc.RpcError, Error):
            script(db, LocalContainersClient(store, db, exchange))
        found = len(_heard(exchange, subscription)), len(_ids(db)) - 1
    if tuple(predicted) != found:
        raise NotYet(f"you predicted {tuple(predicted)}, the subscriber and the database say {found}. Why?")
    return f"{found}: the plugin's transaction joined a larger one, so its event was early after all"


@judged
def filters(wanted: Sequence[str]) -> str:
    """Subscribe with the reader's filters, and hold what they let through against `WANTED`."""
    if isinstance(wanted, str):
        raise NotYet("expected a list of filters, got one text")
    if not wanted:
        raise NotYet("expected at least one filter: without any, everything is heard")
    exchange = Exchange()
    subscription = exchange.subscribe(*wanted, "namespace==end")
    with _fresh_database() as db:
        store = RemoteContainerStore(LocalContainersClient(ContainerStore(db), db, exchange))
        for place in ("exercise", "builder"):
            with namespace(place):
                for role in ("db", "web"):
                    store.create(sample(f"{place}-{role}", labels={"role": role}))
                    store.update(Container(f"{place}-{role}", image="new"), "image")
                    store.delete(f"{place}-{role}")
    heard = set(_heard(exchange, subscription))
    for told in sorted(WANTED - heard):
        raise NotYet(f"{_in_words(*told)} is wanted, and no filter lets it through")
    for told in sorted(heard - WANTED):
        raise NotYet(f"{_in_words(*told)} comes through, and is not wanted")
    return "of 12 events the 5 that are wanted come through"


@judged
def leases_plugin(make: Callable[[Database], LeasesClient]) -> str:
    """Let a client work with the reader's plugin for leases: in process, then over a wire."""
    with _fresh_database() as db:
        body = make(db)
        _answers("Create", body.Create(pb.CreateRequest(id="first")), pb.CreateResponse)
        _answers("List", body.List(pb.ListRequest()), pb.ListResponse)
        _answers("Delete", body.Delete(pb.DeleteRequest(id="first")), Empty)
        containers = LocalContainersClient(ContainerStore(db), db, Exchange())
        with Client(services=Services(containers, body)) as client:
            _judge_leases("in process", client.leases_service)
            client.new_container("leased", with_new_spec())
            expect("leases that new_container leaves", [], list(client.leases_service.list()))
        with served(LeasesServer(body)) as client:
            _judge_leases("over a wire", client.leases_service)
    return "create, list and delete hold in process and over a wire, and new_container works on them"


@judged
def rename(make: Callable[[Database, Publisher], Renamer]) -> str:
    """Rename containers with the reader's method, while others listen and look."""
    with _fresh_database() as db, ThreadPoolExecutor(1) as pool:
        exchange = _QuickExchange(lambda: pool.submit(_ids, db).result())
        subscription = exchange.subscribe()
        store, body = ContainerStore(db), make(db, exchange)
        store.create(sample("old", labels={"role": "web"}))
        store.create(sample("taken"))
        with _refused("renaming to an id that is taken", grpc.StatusCode.ALREADY_EXISTS):
            body.Rename("old", "taken")
        expect("containers after that refusal", ["old", "taken"], _ids(db))
        expect("containers that a subscriber saw before that refusal", [], exchange.looks)
        with _refused("renaming what is not there", grpc.StatusCode.NOT_FOUND):
            body.Rename("nobody", "new")
        body.Rename("old", "new")
        expect("containers after a renaming", ["new", "taken"], _ids(db))
        expect("labels of the renamed one", {"role": "web"}, dict(store.get("new").labels))
        news = [("/containers/delete", "old"), ("/containers/create", "new")]
        expect("events", news, _heard(exchange, subscription))
        expect("containers that a subscriber sees at each event", [["new", "taken"]] * 2, exchange.looks)
    return "all or nothing; two events, and whoever hears them sees the renaming done"


@contextmanager
def _fresh_database() -> Iterator[Database]:
    """A new database, in the namespace `exercise`, which goes with the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(Path(folder, "meta.db")) as db,
        namespace("exercise"),
    ):
        yield db


def _ids(db: Database) -> list[str]:
    with namespace("exercise"):
        return [container.id for container in ContainerStore(db).list()]


def _heard(exchange: Exchange, subscription: Subscription) -> list[tuple[str, str]]:
    """Return topic and id of what a subscription has received, and end it."""
    with namespace("end"):
        Exchange.publish(exchange, "/end", None)
    found = []
    while (envelope := next(subscription)).namespace != "end":
        found.append((envelope.topic, _id(envelope)))
    subscription.cancel()
    return found


def _id(envelope: Envelope) -> str:
    # The id is the first field of every event of a container, so any of their classes can read it.
    return ContainerDelete.FromString(envelope.event.value).id if envelope.event else ""


def _in_words(topic: str, container: str) -> str:
    place, _, role = container.partition("-")
    return f"{topic} of a container with role={role} in the namespace {place}"


def _answers(method: str, came: object, expected: type[Message]) -> None:
    if not isinstance(came, expected):
        raise NotYet(f"what {method} returns: expected {expected.__name__}, got {came!r}")


def _judge_leases(where: str, manager: Manager) -> None:
    created = manager.create(Lease("keep", labels={"a": "1"}))
    expect(f"{where}: what create returns", ("keep", {"a": "1"}), (created.id, dict(created.labels)))
    manager.create(Lease("other"))
    expect(f"{where}: list", ["keep", "other"], [lease.id for lease in manager.list()])
    expect(f"{where}: list('id==keep')", ["keep"], [lease.id for lease in manager.list("id==keep")])
    again = _raised(lambda: manager.create(Lease("keep")))
    expect(f"{where}: what creating it again raises", AlreadyExists.__name__, again)
    unparsed = _raised(lambda: manager.list("id="))
    expect(f"{where}: what list('id=') raises", InvalidArgument.__name__, unparsed)
    manager.delete(Lease("keep"))
    manager.delete(Lease("other"))
    expect(f"{where}: list after both are deleted", [], list(manager.list()))
    gone = _raised(lambda: manager.delete(Lease("keep")))
    expect(f"{where}: what deleting it again raises", NotFound.__name__, gone)


def _raised(action: Callable[[], object]) -> str:
    """Return the class of the error that the action ends with."""
    try:
        action()
    except Exception as error:
        return type(error).__name__
    return "nothing"


@contextmanager
def _refused(what: str, code: grpc.StatusCode) -> Iterator[None]:
    """Hold the block to end with a status of this code."""
    came = "nothing"
    try:
        yield
    except grpc.RpcError as error:
        came = code.name if error.code() is code else describe_error(error)
    except Exception as error:
        came = f"{describe_error(error)}, which is no status"
    expect(f"what {what} raises", code.name, came)


class _QuickExchange(Exchange):
    """An exchange with a subscriber who looks at the containers while an event is published."""

    def __init__(self, look: Callable[[], list[str]]) -> None:
        super().__init__()
        self._look = look
        self.looks: list[list[str]] = []

    def publish(self, topic: str, event: Any | None) -> None:
        self.looks.append(self._look())
        super().publish(topic, event)
