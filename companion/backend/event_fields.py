"""What a filter sees of an event: the strings of its message, by path. containerd: the generated Field methods."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

# Importing a module makes its messages known by name.
from companion.api.events import container_pb2, content_pb2, image_pb2, namespace_pb2, snapshot_pb2, task_pb2
from companion.core.typeurl import Any

KNOWN = (container_pb2, content_pb2, image_pb2, namespace_pb2, snapshot_pb2, task_pb2)


def event_field(event: Any, path: Sequence[str]) -> str | None:
    """Return the string at `path` of a known event; numbers, times and unknown types have none."""
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(event.type_url)
        message = message_factory.GetMessageClass(descriptor).FromString(event.value)
    except (KeyError, DecodeError):
        return None
    return _field(message, path)


def _field(message: Message, path: Sequence[str]) -> str | None:
    if not path:
        return None
    field = message.DESCRIPTOR.fields_by_name.get(path[0])
    if field is None:
        return None
    value = getattr(message, field.name)
    if isinstance(value, str):
        return value or None
    if isinstance(value, Message):
        return None if field.message_type.GetOptions().map_entry else _field(value, path[1:])
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _label(value, path[1:])
    return None


def _label(labels: object, path: Sequence[str]) -> str | None:
    value = labels.get(".".join(path)) if hasattr(labels, "get") else None
    return value if isinstance(value, str) else None
