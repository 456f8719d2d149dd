"""What cases say of the times of an object: how they stand to one another, to now, to what was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

NEVER = {0, -62135596800}
"""The seconds of no time, and of the one that Go sends in its place: the year 1."""

STATEMENTS: dict[str, Callable[[Any, Any], bool]] = {
    "created now": lambda _, after: _is_now(after.created_at),
    "created = updated": lambda _, after: bool(after.created_at == after.updated_at),
    "created kept": lambda before, after: bool(before.created_at == after.created_at),
    "updated later": lambda before, after: _time(before.updated_at) < _time(after.updated_at),
    "started now": lambda _, after: _is_now(after.started_at),
    "started never": lambda _, after: after.started_at.seconds in NEVER,
    "listed as never updated": lambda _, after: {info.updated_at.seconds for info in after} <= NEVER,
}


def holding(
    statements: Sequence[str], before: Sequence[Message], after: Sequence[Message]
) -> tuple[str, ...]:
    """Return those statements that hold of the object in the reply, and in the reply to the call before."""
    return tuple(text for text in statements if STATEMENTS[text](_object(before), _object(after)))


def _object(replies: Sequence[Message]) -> Any:
    """Return what the first reply is about; the last one of a stream that tells of an ingest."""
    if not replies:
        return None
    if "started_at" in replies[-1].DESCRIPTOR.fields_by_name:
        return replies[-1]
    fields = replies[0].ListFields()
    return fields[0][1] if fields else None


def _time(message: Timestamp) -> int:
    return message.ToNanoseconds()


def _is_now(message: Timestamp) -> bool:
    return abs(datetime.now(UTC) - message.ToDatetime(UTC)) < timedelta(minutes=1)
