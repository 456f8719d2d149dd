"""The gate between changes and the collection of garbage: many pass together, or one alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """A lock that many can share and one can have alone; who wants it alone is let in first. Go: RWMutex.

    Bytes and their record cannot change in one transaction. So the changes that need both share the gate,
    and a collection, which compares both, has it alone.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._sharing, self._closed = 0, False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Run the block while nobody is alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._sharing += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run the block while nobody else is inside."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            self._changed.wait_for(lambda: not self._sharing)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()
