"""What filters see of an event. containerd: the methods Field of Envelope and of the event messages."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from companion.api.events import container_pb2, content_pb2, image_pb2, namespace_pb2, snapshot_pb2, task_pb2
from companion.core.events import Envelope
from companion.core.filters import Adaptor
from companion.core.typeurl import Any

_EVENTS: dict[str, type[Message]] = {
    descriptor.full_name: GetMessageClass(descriptor)
    for module in (container_pb2, content_pb2, image_pb2, namespace_pb2, snapshot_pb2, task_pb2)
    for descriptor in module.DESCRIPTOR.message_types_by_name.values()
}
"""The events that filters can look into, by type URL. Others are passed on unseen."""


def envelope_fields(envelope: Envelope) -> Adaptor:
    """Fields `namespace`, `topic` and, of a known event, `event.<field>`: its strings and its labels."""
    # Read when the first filter asks, and once however many there are.
    event = functools.cache(lambda: _decode(envelope.event))

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["namespace", *_]:
                return envelope.namespace or None
            case ["topic", *_]:
                return envelope.topic or None
            case ["event", *rest]:
                return _string(event(), rest)
        return None

    return field


def _decode(event: Any | None) -> Message | None:
    if event is None or event.type_url not in _EVENTS:
        return None
    try:
        return _EVENTS[event.type_url].FromString(event.value)
    except DecodeError:
        return None


def _string(value: object, path: Sequence[str]) -> str | None:
    """Return the string at `path` below `value`; what is left of the path after a string is ignored."""
    match value:
        case str():
            return value or None
        case Message() if path and path[0] in value.DESCRIPTOR.fields_by_name:
            return _string(getattr(value, path[0]), path[1:])
        case Mapping():
            return value.get(".".join(path))
    return None
