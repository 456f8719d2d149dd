"""The plugin `leases`: the gRPC service Leases.

containerd: plugins/services/leases/service.go.
"""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.leases.v1 import leases_pb2 as pb
from companion.api.services.leases.v1 import leases_pb2_grpc as rpc
from companion.clients import LeasesClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering


@traced("service")
class LeasesServer(rpc.LeasesServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: LeasesClient) -> None:
        self._local = local

    def Create(self, request: pb.CreateRequest, context: grpc.ServicerContext) -> pb.CreateResponse:
        with answering(context):
            return self._local.Create(request)

    def Delete(self, request: pb.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Delete(request)

    def List(self, request: pb.ListRequest, context: grpc.ServicerContext) -> pb.ListResponse:
        with answering(context):
            return self._local.List(request)

    def AddResource(self, request: pb.AddResourceRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.AddResource(request)

    def DeleteResource(self, request: pb.DeleteResourceRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.DeleteResource(request)

    def ListResources(
        self, request: pb.ListResourcesRequest, context: grpc.ServicerContext
    ) -> pb.ListResourcesResponse:
        with answering(context):
            return self._local.ListResources(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_LeasesServicer_to_server(self, server)


@register(type=GRPC, id="leases", requires=(SERVICE,))
def init(context: InitContext) -> LeasesServer:
    """The plugin `io.containerd.grpc.v1.leases`."""
    return LeasesServer(context.service("leases"))
