"""The plugin `containers`: the gRPC service Containers.

containerd: plugins/services/containers/service.go.
"""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1 import containers_pb2_grpc as rpc
from companion.clients import ContainersClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering, cut_at_end


@traced("service")
class ContainersServer(rpc.ContainersServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: ContainersClient) -> None:
        self._local = local

    def Get(self, request: pb.GetContainerRequest, context: grpc.ServicerContext) -> pb.GetContainerResponse:
        with answering(context):
            return self._local.Get(request)

    def List(
        self, request: pb.ListContainersRequest, context: grpc.ServicerContext
    ) -> pb.ListContainersResponse:
        with answering(context):
            return self._local.List(request)

    def ListStream(
        self, request: pb.ListContainersRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ListContainerMessage]:
        with answering(context):
            stream = self._local.ListStream(request)
        cut_at_end(context, stream.cancel)
        return stream

    def Create(
        self, request: pb.CreateContainerRequest, context: grpc.ServicerContext
    ) -> pb.CreateContainerResponse:
        with answering(context):
            return self._local.Create(request)

    def Update(
        self, request: pb.UpdateContainerRequest, context: grpc.ServicerContext
    ) -> pb.UpdateContainerResponse:
        with answering(context):
            return self._local.Update(request)

    def Delete(self, request: pb.DeleteContainerRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Delete(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_ContainersServicer_to_server(self, server)


@register(type=GRPC, id="containers", requires=(SERVICE,))
def init(context: InitContext) -> ContainersServer:
    """The plugin `io.containerd.grpc.v1.containers`."""
    return ContainersServer(context.service("containers"))
