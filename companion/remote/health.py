"""The health of a remote daemon: too little for a store. containerd: Client.IsServing."""

from __future__ import annotations

from grpc_health.v1 import health_pb2 as pb

from companion.clients import HealthClient
from companion.core.errors import raising_classes


def remote_is_serving(client: HealthClient) -> bool:
    """Return whether the daemon behind a client interface says that it serves."""
    with raising_classes():
        response = client.Check(pb.HealthCheckRequest())
    return bool(response.status == pb.HealthCheckResponse.SERVING)
