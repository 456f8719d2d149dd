"""The gate between changes and the collection of garbage: many pass together, or one alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

_TURN = 0.05
"""Seconds for which a collection has the gate alone, before it lets others pass."""


class Gate:
    """A lock that many can share and one can have alone; nobody waits for more than one turn. Go: RWMutex.

    Bytes and their record cannot change in one transaction. So the changes that need both share the gate,
    and a collection, which compares both, has it alone.

    `dirty` says that there may be bytes without a record. So it is at first: the daemon may have been killed
    at any place. containerd: dirtyCS and dirtySS of metadata.DB.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._sharing, self._queueing, self._closed = 0, 0, False
        self.dirty = True

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Run the block while nobody is alone. One that fails may leave bytes behind."""
        with self._changed:
            self._queueing += 1
            self._changed.wait_for(lambda: not self._closed)
            self._queueing -= 1
            self._sharing += 1
        try:
            yield
        except BaseException:
            self.dirty = True
            raise
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run the block while nobody else is inside."""
        with self._changed:
            # Who came while it was closed passes before it is closed again.
            self._changed.wait_for(lambda: not self._closed and not self._queueing)
            self._closed = True
            self._changed.wait_for(lambda: not self._sharing)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()

    def alone_with_each(
        self, items: Iterable[T], look: Callable[[], U], act: Callable[[T, U], object]
    ) -> None:
        """Call `act` alone on each item and what `look` sees, in turns between which others may pass."""
        left = deque(items)
        while left:
            with self.alone():
                seen, end = look(), time.monotonic() + _TURN
                while left:
                    act(left.popleft(), seen)
                    if time.monotonic() >= end:
                        break

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """Run the block, which removes what was left behind before it began; if it fails, some still is."""
        self.dirty = False
        try:
            yield
        except BaseException:
            self.dirty = True
            raise
