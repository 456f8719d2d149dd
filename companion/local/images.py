"""The plugin `images-service`: where an image record is written and its event sent.

containerd: plugins/services/images/local.go.
"""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode

from companion.api.events import image_pb2 as event
from companion.api.services.images.v1 import images_pb2 as pb
from companion.clients import ImagesClient
from companion.convert import descriptors, times, typeurl
from companion.convert import images as convert
from companion.convert.encoded import encoded
from companion.core.epoch import source_date_epoch
from companion.core.errors import StatusError, raising_grpc
from companion.core.events import Publisher
from companion.core.garbage import Collector
from companion.core.images import Store
from companion.core.trace import traced
from companion.plugin import EVENT, GC, METADATA, SERVICE, InitContext, register
from companion.store.database import Database
from companion.store.images import ImageStore


@traced("local")
class LocalImagesClient(ImagesClient):
    """The body of the images service, behind the interface that its stub has too.

    `store` keeps its records in `db`, so that its methods join the transactions begun here; the event goes
    out once the write is on disk.
    """

    def __init__(self, store: Store, db: Database, events: Publisher, collector: Collector) -> None:
        self._store, self._db, self._events, self._collector = store, db, events, collector

    def Get(self, request: pb.GetImageRequest, /) -> pb.GetImageResponse:
        with raising_grpc():
            return pb.GetImageResponse(image=convert.to_message(self._store.get(request.name)))

    def List(self, request: pb.ListImagesRequest, /) -> pb.ListImagesResponse:
        response = pb.ListImagesResponse()
        with raising_grpc():
            for raw in encoded(self._store.list(*request.filters), convert.encode):
                response.images.add().MergeFromString(raw)
        return response

    def Create(self, request: pb.CreateImageRequest, /) -> pb.CreateImageResponse:
        _require_name(request.image)
        given = convert.from_message(request.image)
        with raising_grpc(), source_date_epoch(times.from_timestamp(request.source_date_epoch)):
            created = self._db.update(lambda _: self._store.create(given))
            self._events.publish(
                "/images/create", typeurl.pack(event.ImageCreate(name=created.name, labels=created.labels))
            )
        return pb.CreateImageResponse(image=convert.to_message(created))

    def Update(self, request: pb.UpdateImageRequest, /) -> pb.UpdateImageResponse:
        _require_name(request.image)
        given, paths = convert.from_message(request.image), list(request.update_mask.paths)
        with raising_grpc(), source_date_epoch(times.from_timestamp(request.source_date_epoch)):
            updated = self._db.update(lambda _: self._store.update(given, *paths))
            self._events.publish(
                "/images/update", typeurl.pack(event.ImageUpdate(name=updated.name, labels=updated.labels))
            )
        return pb.UpdateImageResponse(image=convert.to_message(updated))

    def Delete(self, request: pb.DeleteImageRequest, /) -> Empty:
        target = descriptors.from_message(request.target) if request.HasField("target") else None
        with raising_grpc():
            self._db.update(lambda _: self._store.delete(request.name, sync=request.sync, target=target))
            self._events.publish("/images/delete", typeurl.pack(event.ImageDelete(name=request.name)))
            if request.sync:
                self._collector.schedule_and_wait()
        return Empty()


def _require_name(image: pb.Image) -> None:
    if not image.name:
        raise StatusError(StatusCode.INVALID_ARGUMENT, "Image.Name required")


@register(type=SERVICE, id="images-service", requires=(METADATA, GC))
def init(context: InitContext) -> LocalImagesClient:
    """The plugin `io.containerd.service.v1.images-service`; as in containerd it does not name EVENT."""
    db = context.get(METADATA)
    return LocalImagesClient(ImageStore(db), db, context.get(EVENT), context.get(GC))
