"""The bytes of a layer on their way: unpacked ahead by a thread, hashed, counted, and read in pieces."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from companion.backend.diff.compression import Chunks
from companion.backend.diff.errors import LayerError
from companion.core.errors import ResourceExhausted

_AHEAD = 4
"""How many chunks lie ready; a thread that is faster waits."""


class Measured:
    """Chunks that pass, with their digest and their number of bytes.

    No more than `limit` bytes pass (0: any number); then it raises `ResourceExhausted`.
    """

    def __init__(self, chunks: Chunks, limit: int) -> None:
        self._chunks, self._limit = chunks, limit
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """The digest of what has passed."""
        return f"sha256:{self._hash.hexdigest()}"

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            require_below(self._limit, self.size)
            self._hash.update(chunk)
            yield chunk


def require_below(limit: int, size: int) -> None:
    """Raise `ResourceExhausted` when there is a limit, in bytes, and a layer is beyond it."""
    if 0 < limit < size:
        raise ResourceExhausted(f"layer takes more than {limit} bytes (max_layer_size)")


class Stream:
    """Reads chunks that a thread prepares meanwhile. A context manager: the thread ends with the block."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._pool = ThreadPoolExecutor(1, "layer")
        self._coming: deque[Future[bytes | None]] = deque()
        self._chunk = memoryview(b"")

    def __enter__(self) -> Self:
        for _ in range(_AHEAD):
            self._order()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def pieces(self, size: int) -> Iterator[memoryview]:
        """Yield the next `size` bytes. Raises `LayerError` when there are fewer."""
        while size:
            if not self._fill():
                raise LayerError("unexpected EOF")
            piece, self._chunk = self._chunk[:size], self._chunk[size:]
            size -= len(piece)
            yield piece

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises `LayerError` when there are fewer."""
        if len(self._chunk) >= size:
            piece, self._chunk = self._chunk[:size], self._chunk[size:]
            return bytes(piece)
        return b"".join(self.pieces(size))

    def at_end(self) -> bool:
        """Return whether nothing is left."""
        return not self._fill()

    def skip(self, size: int) -> None:
        """Pass over the next `size` bytes. Raises `LayerError` when there are fewer."""
        for _ in self.pieces(size):
            pass

    def drain(self) -> None:
        """Pass over all that is left."""
        while self._fill():
            self._chunk = memoryview(b"")

    def _fill(self) -> bool:
        while not self._chunk and self._coming:
            chunk = self._coming.popleft().result()
            if chunk is not None:
                self._chunk = memoryview(chunk)
                self._order()
        return bool(self._chunk)

    def _order(self) -> None:
        self._coming.append(self._pool.submit(next, self._chunks, None))
