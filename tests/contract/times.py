"""What cases say of the times of an object: how they stand to one another, to now, to what was before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

STATEMENTS: dict[str, Callable[[Any, Any], bool]] = {
    "created now": lambda _, after: _is_now(after.created_at.ToDatetime(UTC)),
    "created = updated": lambda _, after: bool(after.created_at == after.updated_at),
    "created kept": lambda before, after: bool(before.created_at == after.created_at),
    "updated later": lambda before, after: before.updated_at.ToNanoseconds() < after.updated_at.ToNanoseconds(),
}


def holding(statements: Sequence[str], before: Sequence[Message], after: Sequence[Message]) -> tuple[str, ...]:
    """Return those statements that hold of the object in the reply, and in the reply to the call before."""
    return tuple(text for text in statements if STATEMENTS[text](_object(before), _object(after)))


def _object(replies: Sequence[Message]) -> Any:
    return replies[0].ListFields()[0][1] if replies and replies[0].ListFields() else None


def _is_now(time: datetime) -> bool:
    return abs(datetime.now(UTC) - time) < timedelta(minutes=1)
