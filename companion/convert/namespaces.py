"""Namespace records and messages."""

from __future__ import annotations

from companion.api.services.namespaces.v1 import namespace_pb2 as pb
from companion.core.namespaces import Namespace


def to_message(namespace: Namespace) -> pb.Namespace:
    """Return the message of a record."""
    return pb.Namespace(name=namespace.name, labels=namespace.labels)


def from_message(message: pb.Namespace) -> Namespace:
    """Return the record of a message."""
    return Namespace(name=message.name, labels=dict(sorted(message.labels.items())))


def encode(namespace: Namespace) -> bytes:
    """Return the bytes of a record, the same on the wire and in the database."""
    return to_message(namespace).SerializeToString()


def decode(raw: bytes) -> Namespace:
    """Return the record that `encode` was given."""
    return from_message(pb.Namespace.FromString(raw))
