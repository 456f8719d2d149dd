"""The plugin `leases-service`: where a lease is written; leases have no events.

containerd: plugins/services/leases/local.go.
"""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from companion.api.services.leases.v1 import leases_pb2 as pb
from companion.clients import LeasesClient
from companion.convert import leases as convert
from companion.core.errors import raising_grpc
from companion.core.garbage import Collector
from companion.core.leases import Lease
from companion.core.trace import traced
from companion.plugin import GC, METADATA, SERVICE, InitContext, register
from companion.store.database import Database
from companion.store.leases import LeaseManager


@traced("local")
class LocalLeasesClient(LeasesClient):
    """The body of the leases service, behind the interface that its stub has too."""

    def __init__(self, db: Database, collector: Collector) -> None:
        self._manager, self._collector = LeaseManager(db), collector

    def Create(self, request: pb.CreateRequest, /) -> pb.CreateResponse:
        given = Lease(request.id, labels=dict(request.labels))
        with raising_grpc():
            return pb.CreateResponse(lease=convert.to_message(self._manager.create(given)))

    def Delete(self, request: pb.DeleteRequest, /) -> Empty:
        with raising_grpc():
            self._manager.delete(Lease(request.id), sync=request.sync)
            if request.sync:
                self._collector.schedule_and_wait()
        return Empty()

    def List(self, request: pb.ListRequest, /) -> pb.ListResponse:
        with raising_grpc():
            found = self._manager.list(*request.filters)
        return pb.ListResponse(leases=[convert.to_message(lease) for lease in found])

    def AddResource(self, request: pb.AddResourceRequest, /) -> Empty:
        with raising_grpc():
            self._manager.add_resource(Lease(request.id), convert.resource_from_message(request.resource))
        return Empty()

    def DeleteResource(self, request: pb.DeleteResourceRequest, /) -> Empty:
        with raising_grpc():
            self._manager.delete_resource(Lease(request.id), convert.resource_from_message(request.resource))
        return Empty()

    def ListResources(self, request: pb.ListResourcesRequest, /) -> pb.ListResourcesResponse:
        with raising_grpc():
            found = self._manager.list_resources(Lease(request.id))
        return pb.ListResourcesResponse(
            resources=[convert.resource_to_message(resource) for resource in found]
        )


@register(type=SERVICE, id="leases-service", requires=(METADATA,))
def init(context: InitContext) -> LocalLeasesClient:
    """The plugin `io.containerd.service.v1.leases-service`; as in containerd it does not name GC."""
    return LocalLeasesClient(context.get(METADATA), context.get(GC))
