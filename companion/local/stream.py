"""Streams of a local plugin: what a stub's stream is on the other side of the wire."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


class LocalStream(Generic[T]):
    """Messages that come one by one until there are no more, or until somebody cancels.

    They are made in the context of the call, whoever asks for them. Not a bare generator: closing one that
    another thread is inside of raises ValueError.
    """

    def __init__(self, messages: Generator[T]) -> None:
        self._messages = messages
        self._context = copy_context()
        self._turn = threading.Lock()
        self._cancelled = False

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            with self._turn:
                return self._context.run(self._next)
        finally:
            self._close_if_cancelled()

    def cancel(self) -> None:
        """End the stream before its next message, and close what it holds."""
        self._cancelled = True
        self._close_if_cancelled()

    def _next(self) -> T:
        if self._cancelled:
            raise StopIteration
        return next(self._messages)

    def _close_if_cancelled(self) -> None:
        # Who cannot have the turn need not: the thread that has it comes by here when it is done.
        if self._cancelled and self._turn.acquire(blocking=False):
            try:
                self._context.run(self._messages.close)
            finally:
                self._turn.release()
