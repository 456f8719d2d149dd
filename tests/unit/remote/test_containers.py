"""The remote container store with a daemon older than ListStream: a server that does not have it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import pytest

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.core.errors import Unimplemented
from companion.remote.containers import RemoteContainerStore

PATH = "containerd.services.containers.v1.Containers"


@pytest.fixture
def channel() -> Iterator[grpc.Channel]:
    """A connection to a server that knows List alone."""

    def list_containers(request: pb.ListContainersRequest, context: object) -> pb.ListContainersResponse:
        return pb.ListContainersResponse(containers=[pb.Container(id=text) for text in request.filters])

    handler = grpc.unary_unary_rpc_method_handler(
        list_containers,
        request_deserializer=pb.ListContainersRequest.FromString,
        response_serializer=pb.ListContainersResponse.SerializeToString,
    )
    with ThreadPoolExecutor(1) as pool, TemporaryDirectory(prefix="c-") as base:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(PATH, {"List": handler}),))
        server.add_insecure_port(f"unix:{Path(base, 'sock')}")
        server.start()
        with grpc.insecure_channel(f"unix:{Path(base, 'sock')}") as connected:
            yield connected
        server.stop(0).wait()


def test_without_liststream_the_list_is_asked_for(channel: grpc.Channel) -> None:
    store = RemoteContainerStore(ContainersStub(channel))
    assert [container.id for container in store.list("one", "two")] == ["one", "two"]


def test_any_other_call_that_is_missing_is_an_error(channel: grpc.Channel) -> None:
    with pytest.raises(Unimplemented):
        RemoteContainerStore(ContainersStub(channel)).get("one")
