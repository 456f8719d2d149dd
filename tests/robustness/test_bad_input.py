"""Whatever a client sends is answered, clearly and soon, and the daemon goes on for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.client import Client
from companion.core.errors import AlreadyExists, Error, InvalidArgument, NotFound, ResourceExhausted, Unknown
from companion.core.namespaces import HEADER, Namespace
from tests.robustness.methods import METHODS, OPEN, Outcome, call, messages, path
from tests.robustness.place import GUARD, NAMESPACE, record

LONG = "a" * (1 << 20)
CREATE = "/containerd.services.containers.v1.Containers/Create"


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


def test_a_message_that_is_too_large_is_refused(channel: grpc.Channel) -> None:
    outcome = call(channel, CREATE, bytes(17 << 20), GUARD, **{HEADER: NAMESPACE})
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in outcome.text


def test_a_client_refuses_to_send_what_is_too_large(client: Client) -> None:
    with pytest.raises(ResourceExhausted):
        client.container_service.create(record("large", bytes(17 << 20)))


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
