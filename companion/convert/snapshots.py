"""Snapshot records and messages. containerd: fromInfo and toInfo."""

from __future__ import annotations

from companion.api.services.snapshots.v1 import snapshots_pb2 as pb
from companion.convert import times
from companion.core.snapshots import Info, Kind


def to_message(info: Info) -> pb.Info:
    """Return the message of a record."""
    kind = pb.Kind.Value(info.kind.name)
    message = pb.Info(name=info.name, parent=info.parent, kind=kind, labels=info.labels)
    if info.created_at is not None:
        message.created_at.CopyFrom(times.to_timestamp(info.created_at))
    if info.updated_at is not None:
        message.updated_at.CopyFrom(times.to_timestamp(info.updated_at))
    return message


def from_message(message: pb.Info) -> Info:
    """Return the record of a message."""
    return Info(
        name=message.name,
        parent=message.parent,
        kind=Kind(message.kind),
        labels=dict(message.labels),
        created_at=times.from_timestamp(message.created_at),
        updated_at=times.from_timestamp(message.updated_at),
    )


def encode(info: Info) -> bytes:
    """Return the bytes of a record, the same on the wire and in the database."""
    return to_message(info).SerializeToString()


def decode(raw: bytes) -> Info:
    """Return the record that `encode` was given."""
    return from_message(pb.Info.FromString(raw))
