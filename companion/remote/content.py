"""The remote content store: a store that owns nothing. containerd: core/content/proxy."""

from __future__ import annotations

from collections.abc import Sequence
from io import BufferedReader

from google.protobuf.field_mask_pb2 import FieldMask

from companion.api.services.content.v1 import content_pb2 as pb
from companion.clients import ContentClient
from companion.convert import content as convert
from companion.core import content
from companion.core.content import CHUNK, Info, Status
from companion.core.errors import raising_classes
from companion.core.trace import traced
from companion.remote.content_reader import RemoteReader
from companion.remote.content_writer import RemoteWriter


@traced("remote")
class RemoteContentStore(content.Store):
    """A shell around a client interface: record to message, one call, message to record.

    containerd: proxy.NewContentStore.
    """

    def __init__(self, client: ContentClient) -> None:
        self._client = client

    def info(self, digest: str) -> Info:
        with raising_classes():
            response = self._client.Info(pb.InfoRequest(digest=digest))
        return convert.from_message(response.info)

    def list(self, *filters: str) -> Sequence[Info]:
        with raising_classes():
            stream = self._client.List(pb.ListContentRequest(filters=filters))
            return [convert.from_message(message) for response in stream for message in response.info]

    def update(self, info: Info, *fieldpaths: str) -> Info:
        request = pb.UpdateRequest(info=convert.to_message(info))
        if fieldpaths:
            request.update_mask.CopyFrom(FieldMask(paths=fieldpaths))
        with raising_classes():
            response = self._client.Update(request)
        return convert.from_message(response.info)

    def delete(self, digest: str) -> None:
        with raising_classes():
            self._client.Delete(pb.DeleteContentRequest(digest=digest))

    def reader_at(self, digest: str) -> BufferedReader:
        return BufferedReader(RemoteReader(self._client, digest, self.info(digest).size), CHUNK)

    def status(self, ref: str) -> Status:
        with raising_classes():
            response = self._client.Status(pb.StatusRequest(ref=ref))
        return convert.status_from_message(response.status)

    def list_statuses(self, *filters: str) -> Sequence[Status]:
        with raising_classes():
            response = self._client.ListStatuses(pb.ListStatusesRequest(filters=filters))
        return [convert.status_from_message(message) for message in response.statuses]

    def writer(self, ref: str, total: int = 0, expected: str = "") -> RemoteWriter:
        return RemoteWriter(self._client, ref, total, expected)

    def abort(self, ref: str) -> None:
        with raising_classes():
            self._client.Abort(pb.AbortRequest(ref=ref))
