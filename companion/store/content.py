"""The content store: records in the buckets `v1/<namespace>/content`, over the bytes of a backend.

Every namespace has records of its own, and equal bytes are kept once for all.
containerd: core/metadata/content.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import BufferedReader

from companion.api.services.content.v1 import content_pb2 as pb
from companion.convert import content as convert
from companion.convert.encoded import Encoded
from companion.core import content, namespaces
from companion.core.content import Backend, Info, Status
from companion.core.errors import AlreadyExists, InvalidArgument, NotFound
from companion.core.filters import parse
from companion.core.leases import Resource
from companion.core.quote import quote
from companion.core.trace import traced
from companion.store import content_buckets as buckets
from companion.store.adaptors import content_fields, ingest_fields, message_matcher
from companion.store.bucket import Bucket, DatabaseError, entries
from companion.store.content_writer import NamespacedWriter, SharedWriter
from companion.store.database import Database, mark_dirty
from companion.store.gate import Gate
from companion.store.labels import merge_labels, validate_labels, written
from companion.store.leases import release

_Found = tuple[str, Callable[[str], None]]
"""The name of a blob or an ingest, and what removes it."""


@traced("store", without=("mark_dirty", "garbage_collect"))
class ContentStore(content.Store):
    """The blobs of all namespaces. containerd: metadata's contentStore, with the sharing policy "shared"."""

    def __init__(self, db: Database, backend: Backend) -> None:
        self._db, self._backend = db, backend
        self._gate = Gate()

    def info(self, digest: str) -> Info:
        namespace = namespaces.required()
        return convert.decode(
            self._db.view(lambda root: buckets.read(buckets.blobs(root, namespace), digest))
        )

    def list(self, *filters: str) -> Sequence[Info]:
        namespace = namespaces.required()
        wanted = message_matcher(filters, parse(*filters), pb.Info(), content_fields)
        found = self._db.view(
            lambda root: [raw for _, raw in entries(buckets.blobs(root, namespace)) if wanted(raw)]
        )
        return Encoded(found, convert.decode)

    def update(self, info: Info, *fieldpaths: str) -> Info:
        namespace = namespaces.required()

        def write(root: Bucket) -> Info:
            bucket = buckets.blobs(root, namespace)
            stored = convert.decode(buckets.read(bucket, info.digest))
            record = f"content info {quote(info.digest)}"
            merged = merge_labels(stored.labels, info.labels, fieldpaths, record)
            validate_labels(merged)
            try:
                kept = replace(stored, labels=written(merged), updated_at=datetime.now(UTC))
            except DatabaseError as error:
                raise DatabaseError(f"writing labels for info {info.digest}: {error}") from None
            root.create_bucket("v1", namespace, "content", "blob").put(kept.digest, convert.encode(kept))
            return kept

        return self._db.update(write)

    def delete(self, digest: str) -> None:
        namespace = namespaces.required()

        def write(root: Bucket) -> None:
            bucket = buckets.blobs(root, namespace)
            if bucket is None or not bucket.delete(digest):
                raise NotFound(f"content digest {digest}")
            release(root, namespace, Resource(digest, "content"))
            mark_dirty("content")

        self._db.update(write)

    def reader_at(self, digest: str) -> BufferedReader:
        self.info(digest)
        return self._backend.reader_at(digest)

    def status(self, ref: str) -> Status:
        namespace = namespaces.required()
        backend_ref = self._db.view(lambda root: buckets.backend_ref(buckets.ingests(root, namespace), ref))
        try:
            return replace(self._backend.status(backend_ref), ref=ref)
        except NotFound:  # its bytes are those of another namespace
            raise NotFound(f"reference {ref}") from None

    def list_statuses(self, *filters: str) -> Sequence[Status]:
        namespace, wanted = namespaces.required(), parse(*filters)

        def read(root: Bucket) -> dict[str, str]:
            bucket = buckets.ingests(root, namespace)
            refs = [] if bucket is None else bucket.buckets()
            return {ref: buckets.backend_ref(bucket, ref) for ref in refs if wanted.match(ingest_fields(ref))}

        found = []
        for ref, backend_ref in self._db.view(read).items():
            with suppress(NotFound):
                found.append(replace(self._backend.status(backend_ref), ref=ref))
        return found

    def writer(self, ref: str, total: int = 0, expected: str = "") -> NamespacedWriter:
        namespace = namespaces.required()
        if not ref:
            raise InvalidArgument("ref must not be empty")
        # The bytes of another namespace must not be collected before this ingest refers to them.
        with self._gate.shared():
            shared = self._shared(total, expected)
            backend_ref = self._db.update(lambda root: buckets.begin(root, namespace, ref, expected, shared))
        if backend_ref is None:
            raise AlreadyExists(f"content {expected}")
        if shared is None:
            inner: content.Writer = self._backend.writer(backend_ref, total)
        else:
            inner = SharedWriter(self._backend, ref, backend_ref, shared)
        return NamespacedWriter(
            self._db, self._gate, inner, namespace=namespace, ref=ref, backend_ref=backend_ref
        )

    def abort(self, ref: str) -> None:
        namespace = namespaces.required()

        def write(root: Bucket) -> str:
            ingests = buckets.ingests(root, namespace)
            backend_ref = buckets.backend_ref(ingests, ref)
            root.create_bucket("v1", namespace, "content", "ingests").delete_bucket(ref)
            release(root, namespace, Resource(ref, "ingests"))
            return backend_ref

        try:
            backend_ref = self._db.update(write)
        except NotFound:
            self.mark_dirty()  # who asks may have written bytes under a reference that ended meanwhile
            raise
        with suppress(NotFound):
            self._backend.abort(backend_ref)

    def mark_dirty(self) -> None:
        """Let the next collection look for bytes without a record."""
        self._gate.dirty = True

    def garbage_collect(self) -> None:
        """Remove the bytes that no namespace has a record of, if there may be any.

        containerd: contentStore.garbageCollect.
        """
        if not self._gate.dirty:
            return
        with self._gate.cleaning():
            # What comes after this look is younger than the garbage, so only the comparison has to be alone.
            found: list[_Found] = [(info.digest, self._backend.delete) for info in self._backend.list()]
            found += [(status.ref, self._backend.abort) for status in self._backend.list_statuses()]
            self._gate.alone_with_each(
                found, lambda: self._db.view(buckets.referenced), _remove_unless_referenced
            )

    def _shared(self, total: int, expected: str) -> Info | None:
        """Return what is known of bytes that are there already; None when there are none, or too many."""
        try:
            found = self._backend.info(expected)
        except (NotFound, InvalidArgument):
            return None
        return found if total <= 0 or total == found.size else None


def _remove_unless_referenced(found: _Found, referenced: set[str]) -> None:
    name, remove = found
    if name not in referenced:
        with suppress(NotFound):  # removed since it was found
            remove(name)
