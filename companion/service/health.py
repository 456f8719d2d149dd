"""The plugin `healthcheck`: the gRPC service Health. containerd: plugins/services/healthcheck/service.go."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1 import health_pb2_grpc as rpc

from companion.core.trace import traced
from companion.plugin import GRPC, InitContext, register

SERVING = pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVING)
UNKNOWN = pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVICE_UNKNOWN)


@traced("service")
class HealthServer:
    """Answers for the daemon as a whole, whose name is the empty one; services are not told apart."""

    def Check(self, request: pb.HealthCheckRequest, context: grpc.ServicerContext) -> pb.HealthCheckResponse:
        if request.service:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return SERVING

    def List(self, request: pb.HealthListRequest, context: grpc.ServicerContext) -> pb.HealthListResponse:
        return pb.HealthListResponse(statuses={"": SERVING})

    def Watch(
        self, request: pb.HealthCheckRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.HealthCheckResponse]:
        over = threading.Event()
        if context.add_callback(over.set):
            yield UNKNOWN if request.service else SERVING
            over.wait()

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_HealthServicer_to_server(self, server)


@register(type=GRPC, id="healthcheck")
def init(context: InitContext) -> HealthServer:
    """The plugin `io.containerd.grpc.v1.healthcheck`."""
    return HealthServer()
