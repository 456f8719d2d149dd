"""The remote image store: a store that owns nothing. containerd: client/image_store.go."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from companion.api.services.images.v1 import images_pb2 as pb
from companion.clients import ImagesClient
from companion.convert import descriptors, times
from companion.convert import images as convert
from companion.core import epoch, images
from companion.core.content import Descriptor
from companion.core.errors import raising_classes
from companion.core.images import Image
from companion.core.trace import traced


@traced("remote")
class RemoteImageStore(images.Store):
    """A shell around a client interface: record to message, one call, message to record.

    containerd: NewImageStoreFromClient.
    """

    def __init__(self, client: ImagesClient) -> None:
        self._client = client

    def get(self, name: str) -> Image:
        with raising_classes():
            response = self._client.Get(pb.GetImageRequest(name=name))
        return convert.from_message(response.image)

    def list(self, *filters: str) -> Sequence[Image]:
        with raising_classes():
            response = self._client.List(pb.ListImagesRequest(filters=filters))
        return [convert.from_message(message) for message in response.images]

    def create(self, image: Image) -> Image:
        request = pb.CreateImageRequest(image=convert.to_message(image), source_date_epoch=_epoch())
        with raising_classes():
            response = self._client.Create(request)
        return convert.from_message(response.image)

    def update(self, image: Image, *fieldpaths: str) -> Image:
        request = pb.UpdateImageRequest(image=convert.to_message(image), source_date_epoch=_epoch())
        if fieldpaths:
            request.update_mask.CopyFrom(FieldMask(paths=fieldpaths))
        with raising_classes():
            response = self._client.Update(request)
        return convert.from_message(response.image)

    def delete(self, name: str, *, sync: bool = False, target: Descriptor | None = None) -> None:
        request = pb.DeleteImageRequest(name=name, sync=sync)
        if target is not None:
            request.target.CopyFrom(descriptors.to_message(target))
        with raising_classes():
            self._client.Delete(request)


def _epoch() -> Timestamp | None:
    time = epoch.current.get()
    return None if time is None else times.to_timestamp(time)
