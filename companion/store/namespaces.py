"""The namespace store: a namespace is the bucket `v1/<name>`, which all that lives in it is kept in.

containerd: core/metadata/namespaces.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from companion.convert import namespaces as convert
from companion.core import identifiers, namespaces
from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from companion.core.namespaces import Namespace
from companion.core.quote import quote
from companion.core.trace import traced
from companion.store.bucket import Bucket, DatabaseError
from companion.store.database import Database, mark_dirty
from companion.store.labels import validate_labels, written

_LABELS = "labels"
"""The key, beside the buckets of the objects, under which a namespace's own record stands."""


@traced("store")
class NamespaceStore(namespaces.Store):
    """The namespaces of one database. containerd: metadata.NewNamespaceStore."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, name: str) -> Namespace:
        return self._db.view(lambda root: _read(_bucket(root, name), name))

    def list(self) -> Sequence[Namespace]:
        def read(root: Bucket) -> Sequence[Namespace]:
            bucket = root.bucket("v1")
            return [] if bucket is None else [_read(bucket.bucket(name), name) for name in bucket.buckets()]

        return self._db.view(read)

    def create(self, namespace: Namespace) -> None:
        identifiers.validate(namespace.name)
        validate_labels(namespace.labels, "namespace.Labels")

        def write(root: Bucket) -> None:
            if _bucket(root, namespace.name) is not None:
                raise AlreadyExists(f"namespace {quote(namespace.name)}")
            _write(root.create_bucket("v1", namespace.name), namespace)

        self._db.update(write)

    def update(self, namespace: Namespace, *fieldpaths: str) -> None:
        def write(root: Bucket) -> None:
            bucket = root.create_bucket("v1", namespace.name)
            merged = _merge(_read(bucket, namespace.name), namespace, fieldpaths)
            validate_labels(merged.labels, "namespace.Labels")
            _write(bucket, merged)

        self._db.update(write)

    def delete(self, name: str) -> None:
        def write(root: Bucket) -> None:
            bucket = _bucket(root, name)
            if bucket is None:
                raise NotFound(f"namespace {quote(name)}")
            left = _contents(bucket)
            if left:
                raise FailedPrecondition(
                    f"namespace {quote(name)} must be empty, but it still has {', '.join(left)}"
                )
            root.create_bucket("v1").delete_bucket(name)
            mark_dirty("ingests")  # those that it still had

        self._db.update(write)


def _bucket(root: Bucket, name: str) -> Bucket | None:
    return root.bucket("v1", name)


def _read(bucket: Bucket | None, name: str) -> Namespace:
    """Return the record of a namespace; one that came to be with an object in it has none."""
    raw = None if bucket is None else bucket.get(_LABELS)
    return Namespace(name) if raw is None else convert.decode(raw)


def _write(bucket: Bucket, namespace: Namespace) -> None:
    if namespace.labels.get(""):  # refused for all objects, but for a namespace in fewer words
        raise DatabaseError("key required")
    bucket.put(_LABELS, convert.encode(replace(namespace, labels=written(namespace.labels))))


def _merge(stored: Namespace, given: Namespace, fieldpaths: Sequence[str]) -> Namespace:
    if not fieldpaths:
        return given
    merged = dict(stored.labels)
    for path in fieldpaths:
        # Everything after the first dot is the key: a label's own name may have dots.
        field, dot, key = path.partition(".")
        if field != "labels" or not dot:
            raise InvalidArgument(f"cannot update {quote(path)} field")
        merged[key] = given.labels.get(key, "")
    return replace(stored, labels=merged)


def _contents(bucket: Bucket) -> list[str]:
    """Return what stands in the way of a deletion; leases and ingests do not."""
    kinds: dict[str, tuple[str, ...]] = {
        "images": ("images",),
        "blobs": ("content", "blob"),
        "containers": ("containers",),
    }
    snapshots = bucket.bucket("snapshots")
    if snapshots is not None:
        for snapshotter in snapshots.buckets():
            kinds[f"snapshots on {quote(snapshotter)} snapshotter"] = ("snapshots", snapshotter)
    found = {kind: bucket.bucket(*path) for kind, path in kinds.items()}
    return [kind for kind, objects in found.items() if objects is not None and not objects.empty()]
