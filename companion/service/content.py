"""The plugin `content`: the gRPC service Content. containerd: plugins/services/content/service.go."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.content.v1 import content_pb2 as pb
from companion.api.services.content.v1 import content_pb2_grpc as rpc
from companion.clients import ContentClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering, passing_on


@traced("service")
class ContentServer(rpc.ContentServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: ContentClient) -> None:
        self._local = local

    def Info(self, request: pb.InfoRequest, context: grpc.ServicerContext) -> pb.InfoResponse:
        with answering(context):
            return self._local.Info(request)

    def Update(self, request: pb.UpdateRequest, context: grpc.ServicerContext) -> pb.UpdateResponse:
        with answering(context):
            return self._local.Update(request)

    def List(
        self, request: pb.ListContentRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ListContentResponse]:
        with answering(context):
            return passing_on(context, self._local.List(request))

    def Delete(self, request: pb.DeleteContentRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Delete(request)

    def Read(
        self, request: pb.ReadContentRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReadContentResponse]:
        with answering(context):
            return passing_on(context, self._local.Read(request))

    def Status(self, request: pb.StatusRequest, context: grpc.ServicerContext) -> pb.StatusResponse:
        with answering(context):
            return self._local.Status(request)

    def ListStatuses(
        self, request: pb.ListStatusesRequest, context: grpc.ServicerContext
    ) -> pb.ListStatusesResponse:
        with answering(context):
            return self._local.ListStatuses(request)

    def Write(
        self, request_iterator: Iterator[pb.WriteContentRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.WriteContentResponse]:
        with answering(context):
            return passing_on(context, self._local.Write(request_iterator))

    def Abort(self, request: pb.AbortRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Abort(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_ContentServicer_to_server(self, server)


@register(type=GRPC, id="content", requires=(SERVICE,))
def init(context: InitContext) -> ContentServer:
    """The plugin `io.containerd.grpc.v1.content`."""
    return ContentServer(context.service("content"))
