"""Calls with any bytes, and any request for any method."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.contract.methods import SERVICES

METHODS: tuple[MethodDescriptor, ...] = tuple(
    method for service in SERVICES.values() for method in service.methods
)

OPEN = 0.3
"""Seconds that a stream which stays open is listened to."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended."""

    code: grpc.StatusCode
    text: str


def call(channel: grpc.Channel, path: str, request: bytes, timeout: float, **headers: str) -> Outcome:
    """Send bytes to a method, wait for the end of its answer, and tell how it ended."""
    # On the wire a single message is a stream of one, so one form of call does for all.
    calls: Any = channel.stream_stream(path)
    made = calls(iter([request]), timeout=timeout, metadata=tuple(headers.items()))
    with suppress(grpc.RpcError):
        for _ in made:
            pass
    return Outcome(made.code(), made.details())


def path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


TEXTS = st.sampled_from(
    ["", "a", "a.b", "a b", "a" * 77, "é", "/a", "labels.a", "id==a", "id~=(", "%s", "\0"]
)

NUMBERS: dict[int, SearchStrategy[int]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, (1 << 64) - 1),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 9),
}


@st.composite
def messages(draw: DrawFn, descriptor: Descriptor, depth: int = 3) -> Message:
    """Any message of a type, to a depth."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if draw(st.booleans()):
            _fill(draw, message, field, depth)
    return message


def _fill(draw: DrawFn, message: Message, field: FieldDescriptor, depth: int) -> None:
    target = getattr(message, field.name)
    if field.message_type is None:
        if field.is_repeated:
            target.extend(draw(st.lists(_scalars(field), max_size=3)))
        else:
            setattr(message, field.name, draw(_scalars(field)))
    elif field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        for name in draw(st.lists(_scalars(key), max_size=2)):
            if value.message_type is None:
                target[name] = draw(_scalars(value))
            else:
                target[name].MergeFrom(draw(messages(value.message_type, depth - 1)))
    elif depth:
        part = target.add() if field.is_repeated else target
        part.SetInParent()
        part.MergeFrom(draw(messages(field.message_type, depth - 1)))


def _scalars(field: FieldDescriptor) -> SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=20)
    if field.type == FieldDescriptor.TYPE_STRING:
        return TEXTS | st.text(max_size=20)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return st.booleans()
    return NUMBERS.get(field.cpp_type, st.floats())
