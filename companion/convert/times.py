"""Times: UTC datetimes in records, Timestamps on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from companion.core.errors import Internal, StatusError

_GO_ZERO = -62135596800
"""Seconds of the year 1, which a Go program sends where it has no time."""


def to_timestamp(time: datetime) -> Timestamp:
    """Return the Timestamp of a UTC datetime."""
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp


def from_timestamp(timestamp: Timestamp) -> datetime | None:
    """Return the UTC datetime, cut to microseconds; None for no time and for Go's zero time.

    Raises the status of a message that cannot be read, as containerd does, when it is out of range.
    """
    if timestamp.seconds in (0, _GO_ZERO):
        return None
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except ValueError as error:
        text = f"grpc: error unmarshalling request: timestamp: {error}"
        raise StatusError(Internal.code, text) from None
