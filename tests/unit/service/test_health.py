"""Health: the daemon as a whole serves."""

from __future__ import annotations

import grpc
import pytest
from grpc_health.v1 import health_pb2 as pb
from grpc_health.v1.health_pb2_grpc import HealthStub

from companion.service.health import HealthServer
from tests.unit.service.conftest import Serve

SERVING = pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVING)


def test_the_daemon_serves(serve: Serve) -> None:
    health = HealthStub(serve(HealthServer()))
    assert health.Check(pb.HealthCheckRequest()) == SERVING
    assert health.List(pb.HealthListRequest()) == pb.HealthListResponse(statuses={"": SERVING})


def test_services_are_not_told_apart(serve: Serve) -> None:
    health = HealthStub(serve(HealthServer()))
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(pb.HealthCheckRequest(service="containerd.services.containers.v1.Containers"))
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "unknown service")


@pytest.mark.parametrize(("service", "status"), [("", "SERVING"), ("nosuch", "SERVICE_UNKNOWN")])
def test_watch_tells_the_status_at_once(serve: Serve, service: str, status: str) -> None:
    stream = HealthStub(serve(HealthServer())).Watch(pb.HealthCheckRequest(service=service))
    assert next(stream).status == pb.HealthCheckResponse.ServingStatus.Value(status)
    stream.cancel()


def test_a_watcher_that_goes_gives_its_worker_back(serve: Serve) -> None:
    health = HealthStub(serve(HealthServer(), workers=1))
    stream = health.Watch(pb.HealthCheckRequest())
    next(stream)
    stream.cancel()
    assert health.Check(pb.HealthCheckRequest(), timeout=60) == SERVING
