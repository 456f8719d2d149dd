"""The plugin `version`: the gRPC service Version. containerd: plugins/services/version/service.go."""

from __future__ import annotations

from importlib import metadata

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.version.v1 import version_pb2 as pb
from companion.api.services.version.v1 import version_pb2_grpc as rpc
from companion.core.trace import traced
from companion.plugin import GRPC, InitContext, register


@traced("service")
class VersionServer(rpc.VersionServicer):
    """Tells our own version, marked as ours: a client that compares will warn of the difference, rightly."""

    def __init__(self, version: str) -> None:
        self._version = version

    def Version(self, request: Empty, context: grpc.ServicerContext) -> pb.VersionResponse:
        return pb.VersionResponse(version=self._version, revision=self._version)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_VersionServicer_to_server(self, server)


@register(type=GRPC, id="version")
def init(context: InitContext) -> VersionServer:
    """The plugin `io.containerd.grpc.v1.version`."""
    return VersionServer(f"{metadata.version('companion')}+companion")
