"""Whatever a client sends is answered, clearly and soon, and the daemon goes on for everybody else."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.client import Client
from companion.convert.containers import to_message
from companion.core.errors import (
    AlreadyExists,
    Error,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Unknown,
)
from companion.core.namespaces import HEADER, Namespace, namespace
from tests.daemons import short_directory
from tests.robustness.methods import METHODS, OPEN, Outcome, call, messages, path
from tests.robustness.place import GUARD, NAMESPACE, Place, eventually, record

LONG = "a" * (1 << 20)
CREATE = "/containerd.services.containers.v1.Containers/Create"
LIST = "/containerd.services.containers.v1.Containers/List"


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    """One daemon for all tests that cannot harm it; that is what they prove."""
    with short_directory() as directory:
        place = Place(directory)
        with place.daemon():
            yield place


@pytest.fixture(scope="module")
def channel(shared: Place) -> Iterator[grpc.Channel]:
    unlimited = (("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 24))
    with grpc.insecure_channel(f"unix:{shared.address}", unlimited) as channel:
        yield channel


@pytest.fixture
def client(shared: Place) -> Iterator[Client]:
    """A client of the shared daemon, which serves it before the test and after."""
    with shared.client() as client:
        client.container_service.list()
        yield client
        client.container_service.list()


@pytest.mark.parametrize("request_bytes", [b"\xff\xff", b"\x0a\x05a", b"\x0f"])
def test_bytes_that_are_no_message_are_refused_by_every_method(
    channel: grpc.Channel, request_bytes: bytes
) -> None:
    for method in METHODS:
        outcome = call(channel, path(method), request_bytes, GUARD)
        if outcome.code is grpc.StatusCode.UNIMPLEMENTED:
            assert outcome.text == f"unknown service {method.containing_service.full_name}"
        else:
            assert outcome.code is grpc.StatusCode.INTERNAL
            assert outcome.text.startswith("grpc: error unmarshalling request: ")


@given(
    st.sampled_from(METHODS).flatmap(lambda it: st.tuples(st.just(it), messages(it.input_type))),
    st.sampled_from([{}, {HEADER: NAMESPACE}]),
)
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
def test_any_message_to_any_method_is_answered_by_the_daemon_and_not_by_an_accident(
    channel: grpc.Channel, made: tuple[MethodDescriptor, Message], headers: dict[str, str]
) -> None:
    method, message = made
    outcome = call(channel, path(method), message.SerializeToString(), OPEN, **headers)
    assert outcome.code is not grpc.StatusCode.UNAVAILABLE
    assert "Exception" not in outcome.text
    if outcome.code is grpc.StatusCode.INTERNAL:
        assert outcome.text.startswith("grpc: error unmarshalling request: timestamp: ")


def test_a_time_that_no_calendar_has_is_refused_like_a_message_that_cannot_be_read(
    channel: grpc.Channel,
) -> None:
    request = pb.CreateContainerRequest()
    request.container.created_at.seconds = 1 << 60
    outcome = call(channel, CREATE, request.SerializeToString(), GUARD, **{HEADER: NAMESPACE})
    assert outcome.code is grpc.StatusCode.INTERNAL
    assert outcome.text.startswith("grpc: error unmarshalling request: timestamp: ")


REFUSED: dict[str, tuple[Callable[[Client], object], type[Error]]] = {
    "id of a container": (lambda client: client.container_service.create(record(LONG)), InvalidArgument),
    "id to get": (lambda client: client.container_service.get(LONG), NotFound),
    "label": (lambda client: client.container_service.create(record("a", key=LONG)), InvalidArgument),
    "name of a namespace": (
        lambda client: client.namespace_service.create(Namespace(LONG)),
        InvalidArgument,
    ),
    "path of an update": (
        lambda client: client.container_service.update(record("there"), LONG),
        InvalidArgument,
    ),
    "topic": (lambda client: client.event_service.publish(f"/{LONG}", None), InvalidArgument),
    "broken filter": (lambda client: client.containers(f"id={LONG}"), InvalidArgument),
    "broken filter of events": (lambda client: next(iter(client.subscribe(f"id={LONG}"))), Unknown),
}


@pytest.mark.parametrize(("refused", "error"), REFUSED.values(), ids=REFUSED)
def test_a_megabyte_is_refused_as(
    client: Client, refused: Callable[[Client], object], error: type[Error]
) -> None:
    with suppress(AlreadyExists):
        client.container_service.create(record("there"))
    with pytest.raises(error):
        refused(client)


@pytest.mark.parametrize(
    "filters",
    [
        [f"id=={LONG}"],
        [f"labels.{LONG}==a"],
        [f'id~="{LONG}"'],
        ["id==a"] * 100_000,
        [",".join(["id==a"] * 100_000)],
        [".".join(["a"] * 500_000)],
    ],
    ids=["value", "label", "pattern", "filters", "selectors", "fields"],
)
def test_a_megabyte_of_filter_is_answered(client: Client, filters: list[str]) -> None:
    with suppress(InvalidArgument):  # what a pattern may cost is bounded
        assert client.containers(*filters) == []


@pytest.fixture(scope="module")
def tempting(shared: Place) -> None:
    """Records on which a backtracking matcher would not come to an end."""
    with shared.client() as client, namespace("tempting"):
        for n in range(20):
            client.container_service.create(record(f"c{n}", key="a" * 4000))


@pytest.mark.usefixtures("tempting")
@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+b$",
        "^(a|a)*b$",
        "^(a|aa)+b$",
        "^(.*)*(.*)*(.*)*b$",
        "((((a{1,30}){1,30}){1,30}){1,30})b",
        "a{1000}" * 1000,
        "(" * 5000 + "a" + ")" * 5000,
        "(a?)" * 1000 + "b",
        "|".join(["a"] * 50_000) + "b",
    ],
    ids=["nested", "ambiguous", "overlapping", "stars", "repeated", "long", "deep", "groups", "wide"],
)
def test_a_hostile_pattern_is_answered(client: Client, pattern: str) -> None:
    with namespace("tempting"), suppress(InvalidArgument):
        assert client.containers(f'labels.key~="{pattern}"') is not None


def test_a_message_that_is_too_large_is_refused(channel: grpc.Channel) -> None:
    outcome = call(channel, CREATE, bytes(17 << 20), GUARD, **{HEADER: NAMESPACE})
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in outcome.text


def test_a_client_refuses_to_send_what_is_too_large(client: Client) -> None:
    with pytest.raises(ResourceExhausted):
        client.container_service.create(record("large", bytes(17 << 20)))


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
    outcome = call(channel, LIST, b"", GUARD, **{HEADER: LONG})
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "metadata size exceeds" in outcome.text


@pytest.mark.parametrize("value", [b"\xff\xfe", b"\xc3\xa9", b"a\0b", b"a\nb"])
def test_a_header_of_bytes_that_no_client_sends_is_refused(
    shared: Place, client: Client, value: bytes
) -> None:
    answer = http2_call(shared.address, LIST, (HEADER.encode(), value))
    assert b"namespace validation: identifier" in answer


def http2_call(address: str, path: str, header: tuple[bytes, bytes]) -> bytes:
    """What the daemon sends to a call that is written by hand, which gRPC's own client would not make."""
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        header,
    ]
    block = b"".join(b"\0%c%b%c%b" % (len(name), name, len(value), value) for name, value in headers)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(GUARD)
        connection.connect(address)
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_HEADERS, 1, block))
        connection.sendall(frame(DATA, END_STREAM, 1, bytes(5)))
        answer = b""
        while b"grpc-status" not in answer:
            part = connection.recv(1 << 16)
            assert part, answer
            answer += part
        return answer


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


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


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/nosuch.Service/Get", grpc.StatusCode.UNIMPLEMENTED, "unknown service nosuch.Service"),
        (
            "/containerd.services.containers.v1.Containers/Nosuch",
            grpc.StatusCode.UNIMPLEMENTED,
            "unknown method Nosuch for service containerd.services.containers.v1.Containers",
        ),
        ("/nosuch", grpc.StatusCode.RESOURCE_EXHAUSTED, 'malformed method name: "/nosuch"'),
        (
            f"/{'a' * 5000}/Get",
            grpc.StatusCode.UNIMPLEMENTED,
            f"unknown service {'a' * 5000}",
        ),
    ],
    ids=["service", "method", "path", "long"],
)
def test_an_unknown(channel: grpc.Channel, path: str, code: grpc.StatusCode, text: str) -> None:
    assert call(channel, path, b"", GUARD) == Outcome(code, text)


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
