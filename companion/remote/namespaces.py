"""The remote namespace store: a store that owns nothing. containerd: client/namespaces.go."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from companion.api.services.namespaces.v1 import namespace_pb2 as pb
from companion.clients import NamespacesClient
from companion.convert import namespaces as convert
from companion.core import namespaces
from companion.core.errors import raising_classes
from companion.core.namespaces import Namespace
from companion.core.trace import traced


@traced("remote")
class RemoteNamespaceStore(namespaces.Store):
    """A shell around a client interface: record to message, one call, message to record.

    containerd: NewNamespaceStoreFromClient.
    """

    def __init__(self, client: NamespacesClient) -> None:
        self._client = client

    def get(self, name: str) -> Namespace:
        with raising_classes():
            response = self._client.Get(pb.GetNamespaceRequest(name=name))
        return convert.from_message(response.namespace)

    def list(self) -> Sequence[Namespace]:
        with raising_classes():
            response = self._client.List(pb.ListNamespacesRequest())
        return [convert.from_message(message) for message in response.namespaces]

    def create(self, namespace: Namespace) -> None:
        with raising_classes():
            self._client.Create(pb.CreateNamespaceRequest(namespace=convert.to_message(namespace)))

    def update(self, namespace: Namespace, *fieldpaths: str) -> None:
        request = pb.UpdateNamespaceRequest(namespace=convert.to_message(namespace))
        if fieldpaths:
            request.update_mask.CopyFrom(FieldMask(paths=fieldpaths))
        with raising_classes():
            self._client.Update(request)

    def delete(self, name: str) -> None:
        with raising_classes():
            self._client.Delete(pb.DeleteNamespaceRequest(name=name))
