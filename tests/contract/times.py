"""What cases say of the times of an object: how they stand to one another, to now, to what was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

STATEMENTS: dict[str, Callable[[Any, Any], bool]] = {
    "created now": lambda _, after: _is_now(after.created_at),
    "created = updated": lambda _, after: bool(after.created_at == after.updated_at),
    "created kept": lambda before, after: bool(before.created_at == after.created_at),
    "updated later": lambda before, after: _time(before.updated_at) < _time(after.updated_at),
}


def holding(
    statements: Sequence[str], before: Sequence[Message], after: Sequence[Message]
) -> tuple[str, ...]:
    """Return those statements that hold of the object in the reply, and in the reply to the call before."""
    return tuple(text for text in statements if STATEMENTS[text](_object(before), _object(after)))


def _object(replies: Sequence[Message]) -> Any:
    return replies[0].ListFields()[0][1] if replies and replies[0].ListFields() else None


def _time(message: Timestamp) -> int:
    return message.ToNanoseconds()


def _is_now(message: Timestamp) -> bool:
    return abs(datetime.now(UTC) - message.ToDatetime(UTC)) < timedelta(minutes=1)
