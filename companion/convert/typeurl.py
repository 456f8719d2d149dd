"""Opaque values: `google.protobuf.Any` on the wire."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from companion.core.typeurl import Any


def to_message(value: Any) -> AnyMessage:
    """Return the message of a value; its type URL is sent as it is, without a prefix."""
    return AnyMessage(type_url=value.type_url, value=value.value)


def from_message(message: AnyMessage) -> Any:
    """Return the value that a message carries."""
    return Any(message.type_url, message.value)


def pack(message: Message) -> Any:
    """Return a message as an opaque value, under its bare name as containerd wants it."""
    return Any(message.DESCRIPTOR.full_name, message.SerializeToString())
