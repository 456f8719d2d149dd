"""Headers and bytes that no client should send, and clients that go away."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress

import grpc
import pytest

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.client import Client
from companion.convert.containers import to_message
from companion.core.errors import Unavailable
from companion.core.namespaces import HEADER, namespace
from tests.robustness.http2 import END_HEADERS, HEADERS, PREFACE, SETTINGS, frame, http2_call
from tests.robustness.methods import Outcome, call
from tests.robustness.place import GUARD, Place, eventually, record

LIST = "/containerd.services.containers.v1.Containers/List"


def test_without_a_namespace_a_call_is_refused(channel: grpc.Channel) -> None:
    assert call(channel, LIST, b"", GUARD) == Outcome(
        grpc.StatusCode.FAILED_PRECONDITION, "namespace is required: failed precondition"
    )


@pytest.mark.parametrize("name", ["a b", ".", "a..b", "a/b", "-", "a" * 77, "%00"])
def test_a_namespace_that_is_no_identifier_is_refused(channel: grpc.Channel, name: str) -> None:
    outcome = call(channel, LIST, b"", GUARD, **{HEADER: name})
    assert outcome.code is grpc.StatusCode.INVALID_ARGUMENT
    assert outcome.text.startswith(f'namespace validation: identifier "{name}" ')


def test_a_header_of_a_megabyte_is_refused(client: Client, channel: grpc.Channel) -> None:
    outcome = call(channel, LIST, b"", GUARD, **{HEADER: "a" * (1 << 20)})
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "metadata size exceeds" in outcome.text


@pytest.mark.parametrize("value", [b"\xff\xfe", b"\xc3\xa9", b"a\0b", b"a\nb"])
def test_a_header_of_bytes_that_no_client_sends_is_refused(
    shared: Place, client: Client, value: bytes
) -> None:
    answer = http2_call(shared.address, LIST, (HEADER.encode(), value))
    assert b"namespace validation: identifier" in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(range(256)) * 1000,
        PREFACE,
        PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_HEADERS, 1, b"\xff" * 100),
        PREFACE + frame(SETTINGS, 0, 0, b"")[:5],
    ],
    ids=["HTTP/1", "noise", "a preface", "broken headers", "half a frame"],
)
def test_a_connection_that_sends_something_else_harms_nobody(
    shared: Place, client: Client, sent: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as connection, suppress(ConnectionError):
        connection.connect(shared.address)
        connection.sendall(sent)
        assert client.is_serving()


def test_clients_that_go_in_the_middle_of_a_call_leave_whole_records_or_none(
    shared: Place, client: Client
) -> None:
    for n in range(10):
        with grpc.insecure_channel(f"unix:{shared.address}") as channel:
            stub = ContainersStub(channel)
            for m in range(20):
                request = pb.CreateContainerRequest(container=to_message(record(f"c{n}-{m}", bytes(50_000))))
                stub.Create.future(request, metadata=((HEADER, "leaving"),))
    with namespace("leaving"):
        for container in client.container_service.list():
            assert container.spec == record(container.id, bytes(50_000)).spec


def test_a_client_that_goes_in_the_middle_of_a_stream_harms_nobody(shared: Place, client: Client) -> None:
    with namespace("streamed"):
        for n in range(20):
            client.container_service.create(record(f"c{n}", bytes(500_000)))
    for _ in range(10):
        with grpc.insecure_channel(f"unix:{shared.address}") as channel:
            stub = ContainersStub(channel)
            next(stub.ListStream(pb.ListContainersRequest(), metadata=((HEADER, "streamed"),)))
    with namespace("streamed"):
        assert len(client.containers()) == 20


def test_more_connections_than_the_system_allows_are_waited_for(place: Place) -> None:
    with place.daemon(before=["prlimit", "--nofile=200"]) as daemon:
        with ExitStack() as stack:
            for _ in range(400):
                connection = stack.enter_context(socket.socket(socket.AF_UNIX))
                connection.setblocking(False)
                with suppress(BlockingIOError):
                    connection.connect(place.address)
            eventually(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) == 200)
        with place.client() as client:
            eventually(lambda: writes(client, "a"))


def writes(client: Client, name: str) -> bool:
    """Whether the daemon takes a new container."""
    try:
        client.container_service.create(record(name))
    except Unavailable:
        return False
    return True
