"""The plugin `containers-service`: where a container record is written and its event sent.

containerd: plugins/services/containers/local.go.
"""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode

from companion.api.events import container_pb2 as event
from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.clients import ContainersClient, Stream
from companion.convert import containers as convert
from companion.convert import typeurl
from companion.convert.encoded import encoded
from companion.core.containers import Container, Store
from companion.core.errors import StatusError, raising_grpc
from companion.core.events import Publisher
from companion.core.trace import traced
from companion.local.stream import LocalStream
from companion.plugin import EVENT, METADATA, SERVICE, InitContext, register
from companion.store.containers import ContainerStore
from companion.store.database import Database


@traced("local")
class LocalContainersClient(ContainersClient):
    """The body of the containers service, behind the interface that its stub has too.

    Reads run in one transaction, writes in another; the event goes out once the write is on disk.
    `store` keeps its records in `db`, so that its methods join the transactions begun here.
    """

    def __init__(self, store: Store, db: Database, events: Publisher) -> None:
        self._store, self._db, self._events = store, db, events

    def Get(self, request: pb.GetContainerRequest, /) -> pb.GetContainerResponse:
        with raising_grpc():
            return pb.GetContainerResponse(container=convert.to_message(self._store.get(request.id)))

    def List(self, request: pb.ListContainersRequest, /) -> pb.ListContainersResponse:
        response = pb.ListContainersResponse()
        with raising_grpc():
            for raw in encoded(self._store.list(*request.filters), convert.encode):
                response.containers.add().MergeFromString(raw)
        return response

    def ListStream(self, request: pb.ListContainersRequest, /) -> Stream[pb.ListContainerMessage]:
        with raising_grpc():
            found = encoded(self._store.list(*request.filters), convert.encode)
        return LocalStream(_message(raw) for raw in found)

    def Create(self, request: pb.CreateContainerRequest, /) -> pb.CreateContainerResponse:
        given = convert.from_message(request.container)
        with raising_grpc():
            created = self._db.update(lambda _: self._store.create(given))
            self._events.publish("/containers/create", typeurl.pack(_create_event(created)))
        return pb.CreateContainerResponse(container=convert.to_message(created))

    def Update(self, request: pb.UpdateContainerRequest, /) -> pb.UpdateContainerResponse:
        given, paths = convert.from_message(request.container), list(request.update_mask.paths)
        if not given.id:
            raise StatusError(StatusCode.INVALID_ARGUMENT, "Container.ID required")
        with raising_grpc():
            updated = self._db.update(lambda _: self._store.update(given, *paths))
            self._events.publish("/containers/update", typeurl.pack(_update_event(updated)))
        return pb.UpdateContainerResponse(container=convert.to_message(updated))

    def Delete(self, request: pb.DeleteContainerRequest, /) -> Empty:
        with raising_grpc():
            self._db.update(lambda _: self._store.delete(request.id))
            self._events.publish("/containers/delete", typeurl.pack(event.ContainerDelete(id=request.id)))
        return Empty()


def _message(raw: bytes) -> pb.ListContainerMessage:
    message = pb.ListContainerMessage()
    message.container.MergeFromString(raw)
    return message


def _create_event(container: Container) -> event.ContainerCreate:
    runtime = event.ContainerCreate.Runtime(name=container.runtime.name)
    if container.runtime.options is not None:
        runtime.options.CopyFrom(typeurl.to_message(container.runtime.options))
    return event.ContainerCreate(id=container.id, image=container.image, runtime=runtime)


def _update_event(container: Container) -> event.ContainerUpdate:
    return event.ContainerUpdate(
        id=container.id,
        image=container.image,
        labels=container.labels,
        snapshot_key=container.snapshot_key,
    )


@register(type=SERVICE, id="containers-service", requires=(EVENT, METADATA))
def init(context: InitContext) -> LocalContainersClient:
    """The plugin `io.containerd.service.v1.containers-service`."""
    db = context.get(METADATA)
    return LocalContainersClient(ContainerStore(db), db, context.get(EVENT))
