"""The plugin `namespaces-service`: where a namespace is written and its event sent.

containerd: plugins/services/namespaces/local.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode

from companion.api.events import namespace_pb2 as event
from companion.api.services.namespaces.v1 import namespace_pb2 as pb
from companion.clients import NamespacesClient
from companion.convert import namespaces as convert
from companion.convert import typeurl
from companion.core import namespaces
from companion.core.errors import Error, StatusError, raising_grpc
from companion.core.events import Publisher
from companion.core.namespaces import namespace
from companion.core.quote import quote
from companion.core.trace import traced
from companion.plugin import EVENT, METADATA, SERVICE, InitContext, register
from companion.store.database import Database
from companion.store.namespaces import NamespaceStore


@traced("local")
class LocalNamespacesClient(NamespacesClient):
    """The body of the namespaces service, behind the interface that its stub has too.

    The events of Create and Update go to the namespace of the call, which nothing else needs. So that a
    call without one leaves nothing behind, it is refused at once, with what the event would have failed with.
    """

    def __init__(self, db: Database, events: Publisher) -> None:
        self._db, self._events = db, events
        self._store = NamespaceStore(db)

    def Get(self, request: pb.GetNamespaceRequest, /) -> pb.GetNamespaceResponse:
        with raising_grpc():
            return pb.GetNamespaceResponse(namespace=convert.to_message(self._store.get(request.name)))

    def List(self, request: pb.ListNamespacesRequest, /) -> pb.ListNamespacesResponse:
        with raising_grpc():
            found = self._store.list()
        return pb.ListNamespacesResponse(namespaces=[convert.to_message(record) for record in found])

    def Create(self, request: pb.CreateNamespaceRequest, /) -> pb.CreateNamespaceResponse:
        given = convert.from_message(request.namespace)
        with raising_grpc():
            _require_namespace()
            self._db.update(lambda _: self._store.create(given))
            self._events.publish(
                "/namespaces/create",
                typeurl.pack(event.NamespaceCreate(name=given.name, labels=given.labels)),
            )
        return pb.CreateNamespaceResponse(namespace=request.namespace)

    def Update(self, request: pb.UpdateNamespaceRequest, /) -> pb.UpdateNamespaceResponse:
        given, paths = convert.from_message(request.namespace), list(request.update_mask.paths)
        for path in paths:
            if not path.startswith("labels."):
                raise StatusError(StatusCode.INVALID_ARGUMENT, f"cannot update {quote(path)} field")
        with raising_grpc(), _without_class():
            _require_namespace()
            self._db.update(lambda _: self._store.update(given, *paths))
            self._events.publish(
                "/namespaces/update",
                typeurl.pack(event.NamespaceUpdate(name=given.name, labels=given.labels)),
            )
        return pb.UpdateNamespaceResponse(namespace=pb.Namespace())

    def Delete(self, request: pb.DeleteNamespaceRequest, /) -> Empty:
        with raising_grpc():
            self._db.update(lambda _: self._store.delete(request.name))
        with _without_class(), namespace(request.name):
            self._events.publish("/namespaces/delete", typeurl.pack(event.NamespaceDelete(name=request.name)))
        return Empty()


def _require_namespace() -> None:
    try:
        namespaces.required()
    except Error as error:
        raise StatusError(StatusCode.UNKNOWN, f"failed publishing event: {error}") from None


@contextmanager
def _without_class() -> Iterator[None]:
    """Let errors leave the block as UNKNOWN: containerd gives no status to those of these places."""
    try:
        yield
    except Error as error:
        raise StatusError(StatusCode.UNKNOWN, str(error)) from error


@register(type=SERVICE, id="namespaces-service", requires=(EVENT, METADATA))
def init(context: InitContext) -> LocalNamespacesClient:
    """The plugin `io.containerd.service.v1.namespaces-service`."""
    return LocalNamespacesClient(context.get(METADATA), context.get(EVENT))
