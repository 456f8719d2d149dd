"""The remote lease manager: a manager that owns nothing. containerd: core/leases/proxy."""

from __future__ import annotations

from collections.abc import Sequence

from companion.api.services.leases.v1 import leases_pb2 as pb
from companion.clients import LeasesClient
from companion.convert import leases as convert
from companion.core import leases
from companion.core.errors import raising_classes
from companion.core.leases import Lease, Resource
from companion.core.trace import traced


@traced("remote")
class RemoteLeaseManager(leases.Manager):
    """A shell around a client interface: record to message, one call, message to record.

    containerd: proxy.NewLeaseManager.
    """

    def __init__(self, client: LeasesClient) -> None:
        self._client = client

    def create(self, lease: Lease) -> Lease:
        with raising_classes():
            response = self._client.Create(pb.CreateRequest(id=lease.id, labels=lease.labels))
        return convert.from_message(response.lease)

    def delete(self, lease: Lease, *, sync: bool = False) -> None:
        with raising_classes():
            self._client.Delete(pb.DeleteRequest(id=lease.id, sync=sync))

    def list(self, *filters: str) -> Sequence[Lease]:
        with raising_classes():
            response = self._client.List(pb.ListRequest(filters=filters))
        return [convert.from_message(message) for message in response.leases]

    def add_resource(self, lease: Lease, resource: Resource) -> None:
        request = pb.AddResourceRequest(id=lease.id, resource=convert.resource_to_message(resource))
        with raising_classes():
            self._client.AddResource(request)

    def delete_resource(self, lease: Lease, resource: Resource) -> None:
        request = pb.DeleteResourceRequest(id=lease.id, resource=convert.resource_to_message(resource))
        with raising_classes():
            self._client.DeleteResource(request)

    def list_resources(self, lease: Lease) -> Sequence[Resource]:
        with raising_classes():
            response = self._client.ListResources(pb.ListResourcesRequest(id=lease.id))
        return [convert.resource_from_message(message) for message in response.resources]
