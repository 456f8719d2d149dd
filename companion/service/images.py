"""The plugin `images`: the gRPC service Images.

containerd: plugins/services/images/service.go.
"""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.images.v1 import images_pb2 as pb
from companion.api.services.images.v1 import images_pb2_grpc as rpc
from companion.clients import ImagesClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering


@traced("service")
class ImagesServer(rpc.ImagesServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: ImagesClient) -> None:
        self._local = local

    def Get(self, request: pb.GetImageRequest, context: grpc.ServicerContext) -> pb.GetImageResponse:
        with answering(context):
            return self._local.Get(request)

    def List(self, request: pb.ListImagesRequest, context: grpc.ServicerContext) -> pb.ListImagesResponse:
        with answering(context):
            return self._local.List(request)

    def Create(self, request: pb.CreateImageRequest, context: grpc.ServicerContext) -> pb.CreateImageResponse:
        with answering(context):
            return self._local.Create(request)

    def Update(self, request: pb.UpdateImageRequest, context: grpc.ServicerContext) -> pb.UpdateImageResponse:
        with answering(context):
            return self._local.Update(request)

    def Delete(self, request: pb.DeleteImageRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Delete(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_ImagesServicer_to_server(self, server)


@register(type=GRPC, id="images", requires=(SERVICE,))
def init(context: InitContext) -> ImagesServer:
    """The plugin `io.containerd.grpc.v1.images`."""
    return ImagesServer(context.service("images"))
