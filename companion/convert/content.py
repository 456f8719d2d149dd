"""Content records and messages. containerd: infoToGRPC and infoFromGRPC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

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


class EncodedInfos(Sequence[Info]):
    """Records that are still bytes, and become records one by one when looked at.

    On its way to the wire a list is never looked at: `raw` goes into the response as it is.
    """

    def __init__(self, raw: list[bytes]) -> None:
        self.raw = raw

    @overload
    def __getitem__(self, index: int) -> Info: ...
    @overload
    def __getitem__(self, index: slice) -> EncodedInfos: ...
    def __getitem__(self, index: int | slice) -> Info | EncodedInfos:
        if isinstance(index, slice):
            return EncodedInfos(self.raw[index])
        return decode(self.raw[index])

    def __len__(self) -> int:
        return len(self.raw)


def encoded(infos: Sequence[Info]) -> list[bytes]:
    """Return the bytes of each record, without a detour where they are bytes already."""
    return infos.raw if isinstance(infos, EncodedInfos) else [encode(info) for info in infos]
