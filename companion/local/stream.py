"""Streams of a local plugin: what a stub's stream is on the other side of the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class LocalStream(Generic[T]):
    """Messages that come one by one until there are no more, or until somebody cancels.

    Not a bare generator: closing one that another thread is inside of raises ValueError.
    """

    def __init__(self, messages: Iterable[T]) -> None:
        self._messages = iter(messages)
        self._cancelled = False

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._cancelled:
            raise StopIteration
        return next(self._messages)

    def cancel(self) -> None:
        """End the stream before its next message."""
        self._cancelled = True
