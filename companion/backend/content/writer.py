"""The writer of one blob: bytes go to a file and into a hash, and a rename makes them a blob."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path

from companion.backend.content.ingest import Ingest
from companion.backend.files import sync_directory
from companion.core import content
from companion.core.content import Status
from companion.core.errors import AlreadyExists, FailedPrecondition


class BlobWriter(content.Writer):
    """Writes an ingest; its bytes are named by their SHA-256. containerd: the writer of content/local.

    `blob_path` says where a digest belongs; `unlock` is called when the writer closes.
    """

    def __init__(
        self, ingest: Ingest, status: Status, blob_path: Callable[[str], Path], unlock: Callable[[], object]
    ) -> None:
        self._ingest, self._status = ingest, status
        self._blob_path, self._unlock = blob_path, unlock
        self._file = ingest.data.open("ab", buffering=0)
        with ingest.data.open("rb") as so_far:
            self._hash = file_digest(so_far, "sha256")
        self._offset, self._updated_at = status.offset, status.updated_at

    def write(self, data: bytes) -> int:
        self._require_open("write on")
        rest = memoryview(data)
        while rest:
            written = self._file.write(rest)
            self._hash.update(rest[:written])
            self._offset += written
            rest = rest[written:]
        self._updated_at = datetime.now(UTC)
        return len(data)

    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def status(self) -> Status:
        return replace(self._status, offset=self._offset, updated_at=self._updated_at)

    def truncate(self) -> None:
        self._require_open("truncate")
        self._file.truncate(0)
        self._hash, self._offset = sha256(), 0

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> None:
        """Labels are not kept: the bytes are shared, and what is said of them is not."""
        self._require_open("commit on")
        try:
            self._check(size, expected)
            os.fsync(self._file.fileno())
            self._become_blob()
        finally:
            self.close()

    def close(self) -> None:
        if self._file.closed:
            return
        self._file.close()
        # An ingest that has become a blob, or that was aborted meanwhile, has no directory any more.
        with suppress(FileNotFoundError):
            self._ingest.touch()
        self._unlock()

    def _require_open(self, what: str) -> None:
        if self._file.closed:
            raise FailedPrecondition(f"cannot {what} closed writer")

    def _check(self, size: int, expected: str) -> None:
        if size > 0 and size != self._offset:
            raise FailedPrecondition(f"unexpected commit size {self._offset}, expected {size}")
        if expected not in ("", self.digest()):
            raise FailedPrecondition(f"unexpected commit digest {self.digest()}, expected {expected}")

    def _become_blob(self) -> None:
        target = self._blob_path(self.digest())
        exists = target.exists()
        if not exists:
            self._ingest.data.rename(target)
            target.chmod(0o400)
        # Also a name that exists may be so new that it is not on disk yet.
        sync_directory(target.parent)
        self._ingest.remove()
        if exists:
            raise AlreadyExists(f"content {self.digest()}")
