"""The plugin `introspection`: the gRPC service Introspection.

containerd: plugins/services/introspection/service.go.
"""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.introspection.v1 import introspection_pb2 as pb
from companion.api.services.introspection.v1 import introspection_pb2_grpc as rpc
from companion.clients import IntrospectionClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering


@traced("service")
class IntrospectionServer(rpc.IntrospectionServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: IntrospectionClient) -> None:
        self._local = local

    def Plugins(self, request: pb.PluginsRequest, context: grpc.ServicerContext) -> pb.PluginsResponse:
        with answering(context):
            return self._local.Plugins(request)

    def Server(self, request: Empty, context: grpc.ServicerContext) -> pb.ServerResponse:
        with answering(context):
            return self._local.Server(request)

    def PluginInfo(
        self, request: pb.PluginInfoRequest, context: grpc.ServicerContext
    ) -> pb.PluginInfoResponse:
        with answering(context):
            return self._local.PluginInfo(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_IntrospectionServicer_to_server(self, server)


@register(type=GRPC, id="introspection", requires=(SERVICE,))
def init(context: InitContext) -> IntrospectionServer:
    """The plugin `io.containerd.grpc.v1.introspection`."""
    return IntrospectionServer(context.service("introspection"))
