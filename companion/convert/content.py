"""Content records and messages. containerd: infoToGRPC and infoFromGRPC."""

from __future__ import annotations

from companion.api.services.content.v1 import content_pb2 as pb
from companion.convert import times
from companion.core.content import Info, Status


def to_message(info: Info) -> pb.Info:
    """Return the message of a record."""
    message = pb.Info(digest=info.digest, size=info.size, labels=info.labels)
    if info.created_at is not None:
        message.created_at.CopyFrom(times.to_timestamp(info.created_at))
    if info.updated_at is not None:
        message.updated_at.CopyFrom(times.to_timestamp(info.updated_at))
    return message


def from_message(message: pb.Info) -> Info:
    """Return the record of a message."""
    return Info(
        digest=message.digest,
        size=message.size,
        labels=dict(message.labels),
        created_at=times.from_timestamp(message.created_at),
        updated_at=times.from_timestamp(message.updated_at),
    )


def status_to_message(status: Status) -> pb.Status:
    """Return the message of how far an ingest is."""
    message = pb.Status(ref=status.ref, offset=status.offset, total=status.total, expected=status.expected)
    if status.started_at is not None:
        message.started_at.CopyFrom(times.to_timestamp(status.started_at))
    if status.updated_at is not None:
        message.updated_at.CopyFrom(times.to_timestamp(status.updated_at))
    return message


def status_from_message(message: pb.Status) -> Status:
    """Return how far an ingest is, as a message tells it."""
    return Status(
        ref=message.ref,
        offset=message.offset,
        total=message.total,
        expected=message.expected,
        started_at=times.from_timestamp(message.started_at),
        updated_at=times.from_timestamp(message.updated_at),
    )


def encode(info: Info) -> bytes:
    """Return the bytes of a record, the same on the wire and in the database."""
    return to_message(info).SerializeToString()


def decode(raw: bytes) -> Info:
    """Return the record that `encode` was given."""
    return from_message(pb.Info.FromString(raw))
