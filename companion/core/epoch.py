"""The time that counts as the present one, for builds that can be repeated exactly. containerd: pkg/epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

current: ContextVar[datetime | None] = ContextVar("epoch", default=None)
"""The time (UTC) that images of this context get; None for the clock's."""


@contextmanager
def source_date_epoch(time: datetime | None) -> Iterator[None]:
    """Let the images that the block writes have this time (UTC). containerd: epoch.WithSourceDateEpoch."""
    token = current.set(time)
    try:
        yield
    finally:
        current.reset(token)


def now() -> datetime:
    """Return the time that an image is written at."""
    return current.get() or datetime.now(UTC)
