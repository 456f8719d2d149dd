"""Files whose digest is taken on the way."""

from __future__ import annotations

import hashlib
from typing import IO

from companion.core.content import CHUNK


class HashingReader:
    """Reads a file from its start, and knows the digest of all that it has passed. containerd: io.TeeReader.

    It is seekable only as far as a writer needs that continues an ingest: forward, and what is passed counts.
    """

    def __init__(self, file: IO[bytes], algorithm: str = "sha256") -> None:
        self._file, self._hash, self._position = file, hashlib.new(algorithm), 0

    def read(self, size: int = CHUNK) -> bytes:
        """Return up to `size` bytes."""
        data = self._file.read(size)
        self._hash.update(data)
        self._position += len(data)
        return data

    def seek(self, position: int) -> None:
        """Go forward to a position, or as far as the file goes."""
        while self._position < position and self.read(min(CHUNK, position - self._position)):
            pass

    @property
    def digest(self) -> str:
        """The digest of the bytes so far."""
        return f"{self._hash.name}:{self._hash.hexdigest()}"
