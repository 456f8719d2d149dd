"""The plugin `diff`: the gRPC service Diff. containerd: plugins/services/diff/service.go."""

from __future__ import annotations

import grpc

from companion.api.services.diff.v1 import diff_pb2 as pb
from companion.api.services.diff.v1 import diff_pb2_grpc as rpc
from companion.clients import DiffClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering


@traced("service")
class DiffServer(rpc.DiffServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: DiffClient) -> None:
        self._local = local

    def Apply(self, request: pb.ApplyRequest, context: grpc.ServicerContext) -> pb.ApplyResponse:
        with answering(context):
            return self._local.Apply(request)

    def Diff(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:
        with answering(context):
            return self._local.Diff(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_DiffServicer_to_server(self, server)


@register(type=GRPC, id="diff", requires=(SERVICE,))
def init(context: InitContext) -> DiffServer:
    """The plugin `io.containerd.grpc.v1.diff`."""
    return DiffServer(context.service("diff"))
