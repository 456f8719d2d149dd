"""Where snapshots stand in the database:

v1/<namespace>/snapshots/<snapshotter>/<key>                  the record
v1/<namespace>/snapshots/<snapshotter>/<key>/name             the backend's name for it
v1/<namespace>/snapshots/<snapshotter>/<key>/children/<key>   what is on top of it
v1/<namespace>/snapshots/<snapshotter>/<key>/from             during a commit: the backend's name so far
v1/<namespace>/snapshots/<snapshotter>/<key>/record           during a commit: the record it will have

A key is taken as soon as it has a bucket, and seen as soon as it has a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from companion.convert import snapshots as convert
from companion.core.errors import AlreadyExists, FailedPrecondition, NotFound
from companion.core.leases import Resource
from companion.core.quote import quote
from companion.core.snapshots import Info, Kind
from companion.store.bucket import Bucket, entries
from companion.store.database import mark_dirty
from companion.store.labels import written
from companion.store.leases import hold, release


class SnapshotBucket:
    """The snapshots that one snapshotter keeps for one namespace, valid within a transaction."""

    def __init__(self, root: Bucket, namespace: str, snapshotter: str) -> None:
        self._root, self._namespace, self._snapshotter = root, namespace, snapshotter
        self._path = ("v1", namespace, "snapshots", snapshotter)

    def list(self) -> Iterator[Info]:
        """Yield the records, bytewise by key."""
        return (convert.decode(raw) for _, raw in entries(self._root.bucket(*self._path)))

    def read(self, key: str) -> Info:
        """Return a record. Raises `NotFound`."""
        bucket = self._root.bucket(*self._path)
        raw = None if bucket is None else bucket.get(key)
        if raw is None:
            raise NotFound(f"snapshot {key} does not exist")
        return convert.decode(raw)

    def write(self, info: Info) -> None:
        """Write a record in place of the one there is."""
        self._made().put(info.name, convert.encode(info))

    def backend_name(self, key: str) -> str:
        """Return the backend's name for a snapshot. Raises `NotFound`."""
        return self._value(self.read(key).name, "name")

    def new(self, key: str, parent: str, target: str) -> tuple[str, str]:
        """Return the backend's names for a new snapshot and for its parent.

        Raises `AlreadyExists` for a target that exists and for a key that is taken, `NotFound`.
        """
        if target and self._is_seen(target):
            raise AlreadyExists(f"target snapshot {quote(target)}")
        self._require_free(key)
        return self._new_name(key), self._parent_name(parent)

    def add(self, info: Info, name: str) -> None:
        """Write the record of a new snapshot that the backend calls `name`; the context's lease holds it.

        Raises `AlreadyExists`, `NotFound` for the parent and for the lease.
        """
        self._require_free(info.name)
        self._parent_name(info.parent)
        self._hold(info.name)
        self._made().create_bucket(info.name).put("name", name.encode())
        self._show(_kept(info))

    def remove(self, key: str) -> None:
        """Remove a snapshot. Raises `NotFound`, `FailedPrecondition` when it has children."""
        self.read(key)
        children = self._root.bucket(*self._path, key, "children")
        if children is not None and not children.empty():
            raise FailedPrecondition("cannot remove snapshot with child")
        self._hide(key)
        mark_dirty(self._resource(key).type)

    def collect(self, key: str) -> None:
        """Remove a snapshot that nothing refers to; its parent may have been collected before."""
        bucket, info = self._made(), self.read(key)
        bucket.delete(key)
        bucket.delete_bucket(key)
        siblings = bucket.bucket(info.parent, "children")
        if siblings is not None:
            siblings.delete(key)

    def begin_commit(self, info: Info, key: str) -> tuple[str, str]:
        """Write down that `key` is to become `info`, which the context's lease holds.

        Return the backend's names for what it will be and for what it is.
        Raises `AlreadyExists`, `NotFound` for the key and for the lease, `FailedPrecondition`.
        """
        if self._root.bucket(*self._path) is None:
            raise NotFound(f"can not find snapshotter {quote(self._snapshotter)}")
        self._require_free(info.name)
        coming = self._made().create_bucket(info.name)
        self._hold(info.name)
        found, active = self.read(key), self.backend_name(key)
        if found.kind is not Kind.ACTIVE:
            raise FailedPrecondition(f"failed to commit snapshot: snapshot {quote(active)} is not active")
        committed = self._new_name(info.name)
        coming.put("name", committed.encode())
        coming.put("from", active.encode())
        coming.put("record", convert.encode(_kept(replace(info, parent=found.parent))))
        return committed, active

    def end_commit(self, name: str) -> bool:
        """Let a snapshot be seen under its name, and its key be free; return whether it was still there."""
        bucket, active = self._made(), self._value(name, "from")
        _, _, key = active.split("/", 2)
        if self._value(key, "name") != active:  # removed meanwhile
            self.cancel_commit(name)
            return False
        self._hide(key)
        coming = bucket.create_bucket(name)
        info = convert.decode(coming.get("record") or b"")
        coming.delete("record")
        coming.delete("from")
        self._show(info)
        return True

    def cancel_commit(self, name: str) -> None:
        """Forget a commit that the backend has not done."""
        self._made().delete_bucket(name)
        release(self._root, self._namespace, self._resource(name))

    def backend_names(self) -> dict[str, str]:
        """Return the backend's names for all snapshots, by key; commits under way are among them."""
        bucket = self._root.bucket(*self._path)
        return {} if bucket is None else {key: self._value(key, "name") for key in bucket.buckets()}

    def unfinished(self) -> dict[str, str]:
        """Return the part of `backend_names` that commits under way are about to give."""
        return {name: found for name, found in self.backend_names().items() if self._value(name, "from")}

    def _made(self) -> Bucket:
        return self._root.create_bucket(*self._path)

    def _value(self, key: str, field: str) -> str:
        bucket = self._root.bucket(*self._path, key)
        value = None if bucket is None else bucket.get(field)
        return (value or b"").decode()

    def _is_taken(self, key: str) -> bool:
        return self._root.bucket(*self._path, key) is not None

    def _is_seen(self, key: str) -> bool:
        bucket = self._root.bucket(*self._path)
        return bucket is not None and bucket.get(key) is not None

    def _require_free(self, key: str) -> None:
        if self._is_taken(key):
            raise AlreadyExists(f"snapshot {quote(key)}")

    def _new_name(self, key: str) -> str:
        # With a number, because a key may come again before its first snapshot is collected.
        return f"{self._namespace}/{self._made().next_sequence()}/{key}"

    def _parent_name(self, parent: str) -> str:
        try:
            return self.backend_name(parent) if parent else ""
        except NotFound:
            raise NotFound(f"parent snapshot {parent} does not exist") from None

    def _show(self, info: Info) -> None:
        self.write(info)
        if info.parent:
            self._made().create_bucket(info.parent, "children").put(info.name, b"")

    def _hide(self, key: str) -> None:
        self.collect(key)
        release(self._root, self._namespace, self._resource(key))

    def _hold(self, key: str) -> None:
        hold(self._root, self._namespace, self._resource(key))

    def _resource(self, key: str) -> Resource:
        return Resource(key, f"snapshots/{self._snapshotter}")


def every(root: Bucket, snapshotter: str) -> Iterator[SnapshotBucket]:
    """Yield what one snapshotter keeps for each of the namespaces."""
    bucket = root.bucket("v1")
    for namespace in [] if bucket is None else list(bucket.buckets()):
        yield SnapshotBucket(root, namespace, snapshotter)


def _kept(info: Info) -> Info:
    return replace(info, labels=written(info.labels))
