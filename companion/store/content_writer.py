"""The writer of a namespace: when its bytes have become a blob, the namespace gets a record of it.

containerd: namespacedWriter of core/metadata/content.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from companion.convert import content as convert
from companion.core import content
from companion.core.content import CHUNK, Backend, Info, Status
from companion.core.errors import AlreadyExists, FailedPrecondition
from companion.core.leases import Resource
from companion.core.quote import quote
from companion.store.bucket import Bucket
from companion.store.database import Database
from companion.store.gate import Gate
from companion.store.labels import validate_labels, written
from companion.store.leases import hold, release


class NamespacedWriter(content.Writer):
    """Writes through `inner`, the writer of the backend, an ingest that its namespace calls `ref`."""

    def __init__(
        self, db: Database, gate: Gate, inner: content.Writer, *, namespace: str, ref: str, backend_ref: str
    ) -> None:
        self._db, self._gate, self._inner = db, gate, inner
        self._namespace, self._ref, self._backend_ref = namespace, ref, backend_ref

    def write(self, data: bytes) -> int:
        return self._inner.write(data)

    def digest(self) -> str:
        return self._inner.digest()

    def status(self) -> Status:
        return replace(self._inner.status(), ref=self._ref)

    def truncate(self) -> None:
        self._inner.truncate()

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> None:
        try:
            validate_labels(labels or {})
            # Between the two the bytes have no record, and a collection would take them away.
            with self._gate.shared():
                info = self._commit_bytes(size, expected)
                self._write_record(replace(info, labels=written(labels or {})))
        finally:
            self.close()

    def close(self) -> None:
        self._inner.close()

    def _commit_bytes(self, size: int, expected: str) -> Info:
        digest, offset = self._inner.digest(), self._inner.status().offset
        if size not in (0, offset):
            raise FailedPrecondition(f"{quote(self._ref)} failed size validation: {offset} != {size}")
        with suppress(AlreadyExists):  # another namespace has the same bytes
            self._inner.commit(offset, expected)
        return Info(digest, offset)

    def _write_record(self, info: Info) -> None:
        def write(root: Bucket) -> bool:
            bucket = root.create_bucket("v1", self._namespace, "content", "blob")
            self._forget_ingest(root)
            hold(root, self._namespace, Resource(info.digest, "content"))
            if bucket.get(info.digest) is not None:
                return False
            now = datetime.now(UTC)
            bucket.put(info.digest, convert.encode(replace(info, created_at=now, updated_at=now)))
            return True

        # Raised outside, so that the ingest is gone and the lease holds the blob all the same.
        if not self._db.update(write):
            raise AlreadyExists(f"content {info.digest}")

    def _forget_ingest(self, root: Bucket) -> None:
        ingests = root.create_bucket("v1", self._namespace, "content", "ingests")
        ingest = ingests.bucket(self._ref)
        # The ref may be that of a younger ingest by now, when somebody aborted this one.
        if ingest is not None and ingest.get("ref") == self._backend_ref.encode():
            ingests.delete_bucket(self._ref)
            release(root, self._namespace, Resource(self._ref, "ingests"))


class SharedWriter(content.Writer):
    """An ingest of bytes that are there already, because another namespace has the blob.

    Nothing is left to do but to commit. Who writes all the same, or starts again, works on a copy.
    """

    def __init__(self, backend: Backend, ref: str, backend_ref: str, shared: Info) -> None:
        self._backend, self._ref, self._backend_ref = backend, ref, backend_ref
        self._shared, self._started = shared, datetime.now(UTC)
        self._copy: content.Writer | None = None
        self._closed = False

    def write(self, data: bytes) -> int:
        return self._own(self._shared).write(data)

    def truncate(self) -> None:
        self._own(None).truncate()

    def digest(self) -> str:
        return self._shared.digest if self._copy is None else self._copy.digest()

    def status(self) -> Status:
        if self._copy is not None:
            return self._copy.status()
        size, digest = self._shared.size, self._shared.digest
        return Status(self._ref, size, size, digest, self._started, self._started)

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> None:
        if self._copy is not None:
            self._copy.commit(size, expected, labels)
        elif expected not in ("", self._shared.digest):
            raise FailedPrecondition(f"{quote(self._ref)} unexpected digest")
        else:
            self._backend.info(self._shared.digest)  # it may be gone, if this ingest was aborted meanwhile

    def close(self) -> None:
        self._closed = True
        if self._copy is not None:
            self._copy.close()

    def _own(self, bytes_to_keep: Info | None) -> content.Writer:
        """Return a writer of bytes that are not shared, made at the first call."""
        if self._copy is None:
            if self._closed:
                raise FailedPrecondition("cannot write on closed writer")
            self._copy = self._backend.writer(self._backend_ref)
            self._copy.truncate()  # the ref may be that of an ingest from before the bytes were there
            if bytes_to_keep is not None:
                with self._backend.reader_at(bytes_to_keep.digest) as source:
                    while chunk := source.read(CHUNK):
                        self._copy.write(chunk)
        return self._copy
