"""The form in which answers are compared: text, without what differs from one run to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from google.protobuf import descriptor_pool, text_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

# Importing a module makes its messages known by name.
from companion.api.events import container_pb2, content_pb2, image_pb2, namespace_pb2, snapshot_pb2, task_pb2
from companion.api.types.event_pb2 import Envelope
from tests.contract.case import Answer, Case
from tests.contract.methods import Method

EVENTS = (container_pb2, content_pb2, image_pb2, namespace_pb2, snapshot_pb2, task_pb2)

GENERATED = {
    "{uuid}": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "{lease}": re.compile(r"\d{1,9}-[\w-]{4}"),
    "{version}": re.compile(r"[\d.]+\+companion"),
}
"""What a daemon makes up, and the placeholders that stand for it in an expected reply."""


def expected(answer: Answer, method: Method) -> Answer:
    """Return the answer of a case with its replies and events laid out as those that come back are."""
    return replace(
        answer,
        replies=tuple(_text(text_format.Parse(reply, method.reply())) for reply in answer.replies),
        events=tuple(_expected_event(event) for event in answer.events),
    )


def comparable(reply: Message, case: Case) -> str:
    """Return what a case compares of a reply."""
    for message in parts(reply):
        _drop_times(message)
        _hide_generated(message)
    if case.only:
        _drop_others(reply, case.only)
    if case.fields:
        _keep(reply, [path.split(".") for path in case.fields])
    return _text(reply)


def parts(message: Message) -> Iterator[Message]:
    """Yield a message and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else [value]:
                yield from parts(part)


def _drop_times(message: Message) -> None:
    for field, value in message.ListFields():
        if isinstance(value, Timestamp):
            message.ClearField(field.name)


def _hide_generated(message: Message) -> None:
    for field, value in message.ListFields():
        for placeholder, pattern in GENERATED.items():
            if isinstance(value, str) and pattern.fullmatch(value):
                setattr(message, field.name, placeholder)


def _drop_others(reply: Message, mention: str) -> None:
    for field, value in reply.ListFields():
        if field.is_repeated:
            kept = [part for part in value if mention in str(part)]
            del value[:]
            value.extend(kept)


def _keep(message: Message, paths: Sequence[Sequence[str]]) -> None:
    for field, value in message.ListFields():
        rest = [path[1:] for path in paths if path[0] == field.name]
        if not rest:
            message.ClearField(field.name)
        elif all(rest):
            for part in value if field.is_repeated else [value]:
                _keep(part, rest)


def _text(message: Message) -> str:
    # In contrast to str(), this puts the keys of maps in order.
    return text_format.MessageToString(message)


def event_text(envelope: Envelope) -> str:
    """Return an event as cases have it: namespace, topic, type, message (in hex, of an unknown type)."""
    event = envelope.event
    kind = _event_type(event.type_url)
    body = event.value.hex() if kind is None else _one_line(kind.FromString(event.value))
    return f"{envelope.namespace} {envelope.topic} {event.type_url} {body}".rstrip()


def _expected_event(event: str) -> str:
    namespace, topic, type_url, body = [*event.split(" ", 3), "", ""][:4]
    kind = _event_type(type_url)
    body = body if kind is None else _one_line(text_format.Parse(body, kind()))
    return f"{namespace} {topic} {type_url} {body}".rstrip()


def _event_type(name: str) -> type[Message] | None:
    try:
        return GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))
    except KeyError:
        return None


def _one_line(message: Message) -> str:
    return text_format.MessageToString(message, as_one_line=True)
