"""The plugin `content-service`: where blobs are read, written and, with an event, deleted.

containerd: plugins/services/content, where the store itself is the local plugin and the work on messages
stands on the floor above.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode

from companion.api.events.content_pb2 import ContentDelete
from companion.api.services.content.v1 import content_pb2 as pb
from companion.clients import ContentClient, Stream
from companion.convert import content as convert
from companion.convert import typeurl
from companion.convert.encoded import encoded
from companion.core import digests
from companion.core.content import CHUNK, Store
from companion.core.errors import Error, InvalidArgument, StatusError, raising_grpc
from companion.core.events import Publisher
from companion.core.quote import quote
from companion.core.trace import traced
from companion.local.content_write import write_content
from companion.local.stream import LocalStream
from companion.plugin import EVENT, METADATA, SERVICE, InitContext, register

_BATCH = 100
"""How many records a message of List holds at most."""


@traced("local")
class LocalContentClient(ContentClient):
    """The body of the content service, behind the interface that its stub has too."""

    def __init__(self, store: Store, events: Publisher) -> None:
        self._store, self._events = store, events

    def Info(self, request: pb.InfoRequest, /) -> pb.InfoResponse:
        if _flaw(request.digest):
            raise _refused(f"{quote(request.digest)} failed validation")
        with raising_grpc():
            return pb.InfoResponse(info=convert.to_message(self._store.info(request.digest)))

    def Update(self, request: pb.UpdateRequest, /) -> pb.UpdateResponse:
        given, paths = convert.from_message(request.info), list(request.update_mask.paths)
        if _flaw(given.digest):
            raise _refused(f"{quote(given.digest)} failed validation")
        with raising_grpc():
            return pb.UpdateResponse(info=convert.to_message(self._store.update(given, *paths)))

    def List(self, request: pb.ListContentRequest, /) -> Stream[pb.ListContentResponse]:
        with raising_grpc():
            found = encoded(self._store.list(*request.filters), convert.encode)
        return LocalStream(_batches(found))

    def Delete(self, request: pb.DeleteContentRequest, /) -> Empty:
        if flaw := _flaw(request.digest):
            raise _refused(flaw)
        with raising_grpc():
            self._store.delete(request.digest)
            self._events.publish("/content/delete", typeurl.pack(ContentDelete(digest=request.digest)))
        return Empty()

    def Read(self, request: pb.ReadContentRequest, /) -> Stream[pb.ReadContentResponse]:
        return LocalStream(self._read(request))

    def Status(self, request: pb.StatusRequest, /) -> pb.StatusResponse:
        with raising_grpc():
            try:
                return pb.StatusResponse(status=convert.status_to_message(self._store.status(request.ref)))
            except Error as error:
                raise error.wrap(f"could not get status for ref {quote(request.ref)}") from None

    def ListStatuses(self, request: pb.ListStatusesRequest, /) -> pb.ListStatusesResponse:
        with raising_grpc():
            found = self._store.list_statuses(*request.filters)
        return pb.ListStatusesResponse(statuses=[convert.status_to_message(status) for status in found])

    def Write(self, request_iterator: Iterator[pb.WriteContentRequest], /) -> Stream[pb.WriteContentResponse]:
        return LocalStream(write_content(self._store, request_iterator))

    def Abort(self, request: pb.AbortRequest, /) -> Empty:
        with raising_grpc():
            self._store.abort(request.ref)
        return Empty()

    def _read(self, request: pb.ReadContentRequest) -> Generator[pb.ReadContentResponse]:
        if flaw := _flaw(request.digest):
            raise _refused(f"{request.digest}: {flaw}")
        with raising_grpc():
            length, start = self._store.info(request.digest).size, max(request.offset, 0)
            if start > length:
                raise StatusError(StatusCode.OUT_OF_RANGE, f"read past object length {length} bytes")
            left = min(request.size, length - start) if request.size > 0 else length - start
            with self._store.reader_at(request.digest) as blob:
                blob.seek(start)
                while left and (data := blob.read(min(left, CHUNK))):
                    # Places are counted from where this read began.
                    yield pb.ReadContentResponse(offset=blob.tell() - start - len(data), data=data)
                    left -= len(data)


def _batches(infos: list[bytes]) -> Generator[pb.ListContentResponse]:
    for start in range(0, len(infos), _BATCH):
        response = pb.ListContentResponse()
        for raw in infos[start : start + _BATCH]:
            response.info.add().MergeFromString(raw)
        yield response


def _flaw(digest: str) -> str:
    """Return what is wrong with a digest, without the text of the error's class; empty if nothing is."""
    try:
        digests.validate(digest)
    except InvalidArgument as error:
        return str(error).removesuffix(f": {error.class_text}")
    return ""


def _refused(text: str) -> StatusError:
    return StatusError(StatusCode.INVALID_ARGUMENT, text)


@register(type=SERVICE, id="content-service", requires=(EVENT, METADATA))
def init(context: InitContext) -> LocalContentClient:
    """The plugin `io.containerd.service.v1.content-service`."""
    return LocalContentClient(context.get(METADATA).content_store, context.get(EVENT))
