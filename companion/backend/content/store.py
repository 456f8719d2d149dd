"""The plugin `content`: the bytes of all blobs. containerd: plugins/content/local."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from io import BufferedReader
from pathlib import Path

from companion.backend.content.ingest import Ingest, read_status, sweep
from companion.backend.content.writer import BlobWriter
from companion.backend.files import sync_directory
from companion.core import content, digests
from companion.core.content import Info, Status
from companion.core.errors import AlreadyExists, InvalidArgument, NotFound, Unavailable
from companion.plugin import CONTENT, InitContext, register

_TRIES = 10
"""How often a ref that another writer holds is asked for; the pauses grow to half a second in all."""


class BlobStore(content.Backend):
    """Blobs and ingests below the directory `root`, made when missing. containerd: local.NewStore."""

    def __init__(self, root: Path) -> None:
        self._blobs, self._ingests = root / "blobs", root / "ingest"
        self._held: dict[str, datetime] = {}
        self._lock = threading.Lock()
        for path in (root, self._blobs, *(self._blobs / name for name in digests.HEX_LENGTHS), self._ingests):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_directory(path.parent)
        sweep(self._ingests)

    def info(self, digest: str) -> Info:
        try:
            return _info(digest, self._blob_path(digest))
        except FileNotFoundError:
            raise NotFound(f"content {digest}") from None

    def list(self) -> Iterable[Info]:
        for algorithm in sorted(self._blobs.iterdir()):
            for path in sorted(algorithm.iterdir()):
                yield _info(f"{algorithm.name}:{path.name}", path)

    def delete(self, digest: str) -> None:
        path = self._blob_path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            raise NotFound(f"content {digest}") from None

    def reader_at(self, digest: str) -> BufferedReader:
        path = self._blob_path(digest)
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise NotFound(f"content {digest}") from None

    def status(self, ref: str) -> Status:
        return self._ingest(ref).status()

    def list_statuses(self) -> Iterable[Status]:
        return (status for path in self._ingests.iterdir() if (status := read_status(path)) is not None)

    def writer(self, ref: str, total: int = 0, expected: str = "") -> BlobWriter:
        if not ref:
            raise InvalidArgument("ref must not be empty")
        if expected and self._blob_path(expected).exists():
            raise AlreadyExists(f"content {expected}")
        self._hold(ref)
        try:
            ingest = self._ingest(ref)
            status = _resumed(ingest, total) or ingest.create(total)
            return BlobWriter(ingest, status, self._blob_path, partial(self._held.pop, ref))
        except BaseException:
            del self._held[ref]
            raise

    def abort(self, ref: str) -> None:
        ingest = self._ingest(ref)
        ingest.status()
        ingest.remove()

    def _blob_path(self, digest: str) -> Path:
        # Only after this check a digest is safe to be part of a path.
        digests.validate(digest)
        algorithm, _, digits = digest.partition(":")
        return self._blobs / algorithm / digits

    def _ingest(self, ref: str) -> Ingest:
        return Ingest(self._ingests, ref)

    def _hold(self, ref: str) -> None:
        """Take the lock of a ref. Raises `Unavailable` while another writer has it."""
        for attempt in range(_TRIES):
            with self._lock:
                since = self._held.setdefault(ref, now := datetime.now(UTC))
            if since is now:
                return
            time.sleep(random.uniform(0, 2**attempt / 1000))
        held = datetime.now(UTC) - since
        raise Unavailable(f"ref {ref} locked for {held.total_seconds():.3f}s (since {since})")


def _info(digest: str, path: Path) -> Info:
    found = path.stat()
    written = datetime.fromtimestamp(found.st_mtime, UTC)
    return Info(digest, found.st_size, created_at=written, updated_at=written)


def _resumed(ingest: Ingest, total: int) -> Status | None:
    """Return where an ingest goes on; None when there is none, or one of another size."""
    try:
        status = ingest.status()
    except NotFound:
        return None
    return None if 0 < total != status.total > 0 else status


@register(type=CONTENT, id="content")
def init(context: InitContext) -> BlobStore:
    """The plugin `io.containerd.content.v1.content`."""
    context.meta.exports["root"] = str(context.root)
    return BlobStore(context.root)
