"""The remote container store: a store that owns nothing. containerd: client/containerstore.go."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.clients import ContainersClient
from companion.convert import containers as convert
from companion.core import containers
from companion.core.containers import Container
from companion.core.errors import Unimplemented, raising_classes
from companion.core.trace import traced


@traced("remote")
class RemoteContainerStore(containers.Store):
    """A shell around a client interface: record to message, one call, message to record.

    containerd: NewRemoteContainerStore.
    """

    def __init__(self, client: ContainersClient) -> None:
        self._client = client

    def get(self, id: str) -> Container:
        with raising_classes():
            response = self._client.Get(pb.GetContainerRequest(id=id))
        return convert.from_message(response.container)

    def list(self, *filters: str) -> Sequence[Container]:
        request = pb.ListContainersRequest(filters=filters)
        try:
            with raising_classes():
                return [
                    convert.from_message(message.container) for message in self._client.ListStream(request)
                ]
        except Unimplemented:  # a daemon older than ListStream
            with raising_classes():
                response = self._client.List(request)
            return [convert.from_message(message) for message in response.containers]

    def create(self, container: Container) -> Container:
        with raising_classes():
            response = self._client.Create(pb.CreateContainerRequest(container=convert.to_message(container)))
        return convert.from_message(response.container)

    def update(self, container: Container, *fieldpaths: str) -> Container:
        request = pb.UpdateContainerRequest(container=convert.to_message(container))
        if fieldpaths:
            request.update_mask.CopyFrom(FieldMask(paths=fieldpaths))
        with raising_classes():
            response = self._client.Update(request)
        return convert.from_message(response.container)

    def delete(self, id: str) -> None:
        with raising_classes():
            self._client.Delete(pb.DeleteContainerRequest(id=id))
