"""The plugin `namespaces`: the gRPC service Namespaces.

containerd: plugins/services/namespaces/service.go.
"""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.namespaces.v1 import namespace_pb2 as pb
from companion.api.services.namespaces.v1 import namespace_pb2_grpc as rpc
from companion.clients import NamespacesClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering


@traced("service")
class NamespacesServer(rpc.NamespacesServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: NamespacesClient) -> None:
        self._local = local

    def Get(self, request: pb.GetNamespaceRequest, context: grpc.ServicerContext) -> pb.GetNamespaceResponse:
        with answering(context):
            return self._local.Get(request)

    def List(
        self, request: pb.ListNamespacesRequest, context: grpc.ServicerContext
    ) -> pb.ListNamespacesResponse:
        with answering(context):
            return self._local.List(request)

    def Create(
        self, request: pb.CreateNamespaceRequest, context: grpc.ServicerContext
    ) -> pb.CreateNamespaceResponse:
        with answering(context):
            return self._local.Create(request)

    def Update(
        self, request: pb.UpdateNamespaceRequest, context: grpc.ServicerContext
    ) -> pb.UpdateNamespaceResponse:
        with answering(context):
            return self._local.Update(request)

    def Delete(self, request: pb.DeleteNamespaceRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Delete(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_NamespacesServicer_to_server(self, server)


@register(type=GRPC, id="namespaces", requires=(SERVICE,))
def init(context: InitContext) -> NamespacesServer:
    """The plugin `io.containerd.grpc.v1.namespaces`."""
    return NamespacesServer(context.service("namespaces"))
