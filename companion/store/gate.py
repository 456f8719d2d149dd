"""The gate between changes and the collection of garbage: many pass together, or one alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Gate:
    """A lock that many can share and one can have alone; who wants it alone is let in first. Go: RWMutex.

    Bytes and their record cannot change in one transaction. So the changes that need both share the gate,
    and a collection, which compares both, has it alone.

    `dirty` says that there may be bytes without a record. So it is at first: the daemon may have been killed
    at any place. containerd: dirtyCS and dirtySS of metadata.DB.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._sharing, self._closed = 0, False
        self.dirty = True

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Run the block while nobody is alone. One that fails may leave bytes behind."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
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
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            self._changed.wait_for(lambda: not self._sharing)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """Run the block, which removes what was left behind before it began; if it fails, some still is."""
        self.dirty = False
        try:
            yield
        except BaseException:
            self.dirty = True
            raise
