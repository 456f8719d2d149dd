"""Envelopes of events and their messages. containerd: toProto and fromProto of the events service."""

from __future__ import annotations

from companion.api.types import event_pb2 as pb
from companion.convert import times, typeurl
from companion.core.events import Envelope


def to_message(envelope: Envelope) -> pb.Envelope:
    """Return the message of an envelope."""
    message = pb.Envelope(namespace=envelope.namespace, topic=envelope.topic)
    if envelope.timestamp is not None:
        message.timestamp.CopyFrom(times.to_timestamp(envelope.timestamp))
    if envelope.event is not None:
        message.event.CopyFrom(typeurl.to_message(envelope.event))
    return message


def from_message(message: pb.Envelope) -> Envelope:
    """Return the envelope of a message. Raises `ValueError` for a time that no datetime can hold."""
    return Envelope(
        timestamp=times.from_timestamp(message.timestamp),
        namespace=message.namespace,
        topic=message.topic,
        event=typeurl.from_message(message.event) if message.HasField("event") else None,
    )
