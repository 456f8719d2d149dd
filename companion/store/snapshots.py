"""The snapshotter of a namespace: records in the database, over the trees of a backend.

containerd: core/metadata/snapshot.go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from companion.core import namespaces, snapshots
from companion.core.errors import InvalidArgument, NotFound, Unimplemented
from companion.core.filters import parse
from companion.core.mounts import Mount
from companion.core.quote import quote
from companion.core.snapshots import TARGET, Backend, Info, Kind, Usage, inherited
from companion.core.trace import traced
from companion.store.adaptors import snapshot_fields
from companion.store.bucket import Bucket, DatabaseError
from companion.store.database import Database
from companion.store.gate import Gate
from companion.store.labels import merge_labels, validate_labels, written
from companion.store.snapshot_bucket import SnapshotBucket, every

_Make = Callable[[str, str, Mapping[str, str]], Sequence[Mount]]


@traced("store", without=("mark_dirty", "garbage_collect"))
class Snapshotter(snapshots.Snapshotter):
    """The snapshots of all namespaces that one backend, called `name`, keeps. containerd: newSnapshotter.

    What the backend does and what is written here cannot be one transaction. A new snapshot is written
    down after the backend has made it: without a record it is garbage. A commit is written down before,
    too, so that one cut short is ended, or forgotten, when the daemon comes back.
    """

    def __init__(self, db: Database, name: str, backend: Backend) -> None:
        self._db, self._name, self._backend = db, name, backend
        self._gate = Gate()
        # Who is told that a name exists must find it, so a second commit waits for what the first comes to.
        self._committing = threading.RLock()
        self._finish_commits()

    def stat(self, key: str) -> Info:
        bucket = self._bucket_of(namespaces.required())
        return self._db.view(lambda root: bucket(root).read(key))

    def list(self, *filters: str) -> Sequence[Info]:
        bucket, wanted = self._bucket_of(namespaces.required()), parse(*filters)
        return self._db.view(
            lambda root: [info for info in bucket(root).list() if wanted.match(snapshot_fields(info))]
        )

    def update(self, info: Info, *fieldpaths: str) -> Info:
        bucket = self._bucket_of(namespaces.required())
        if not info.name:
            raise InvalidArgument

        def write(root: Bucket) -> Info:
            stored = bucket(root).read(info.name)
            merged = merge_labels(stored.labels, info.labels, fieldpaths, f"snapshot {quote(info.name)}")
            validate_labels(merged)
            try:
                kept = replace(stored, labels=written(merged), updated_at=datetime.now(UTC))
            except DatabaseError as error:
                raise DatabaseError(f"failed to read labels: {error}") from None
            bucket(root).write(kept)
            return kept

        return self._db.update(write)

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        return self._create(self._backend.prepare, Info(key, parent, Kind.ACTIVE, labels or {}))

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        return self._create(self._backend.view, Info(key, parent, Kind.VIEW, labels or {}))

    def mounts(self, key: str) -> Sequence[Mount]:
        return self._backend.mounts(self._backend_name(key))

    def usage(self, key: str) -> Usage:
        return self._backend.usage(self._backend_name(key))

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        bucket, given = self._bucket_of(namespaces.required()), labels or {}
        validate_labels(given)
        now = datetime.now(UTC)
        info = Info(name, "", Kind.COMMITTED, given, now, now)
        with self._gate.shared(), self._committing:
            committed, active = self._db.update(lambda root: bucket(root).begin_commit(info, key))
            try:
                self._backend.commit(committed, active, inherited(given))
            except BaseException:
                self._db.update(lambda root: bucket(root).cancel_commit(name))
                raise
            if not self._db.update(lambda root: bucket(root).end_commit(name)):
                raise NotFound(f"snapshot {key} does not exist")

    def remove(self, key: str) -> None:
        bucket = self._bucket_of(namespaces.required())
        self._db.update(lambda root: bucket(root).remove(key))

    def cleanup(self) -> None:
        raise Unimplemented("snapshotter does not implement Cleanup method")

    def mark_dirty(self) -> None:
        """Let the next collection look for trees without a record."""
        self._gate.dirty = True

    def garbage_collect(self) -> None:
        """Remove the trees that no namespace has a record of, if there may be any.

        containerd: snapshotter.garbageCollect.
        """
        if not self._gate.dirty:
            return
        with self._gate.cleaning():
            with self._gate.alone():
                self._finish_commits()
                found = [info.name for info in self._backend.list()]
            self._gate.alone_with_each(
                reversed(found),  # children before their parents
                lambda: self._db.view(self._referenced),
                self._remove_unless_referenced,
            )
            # To remove trees takes long, and nobody need wait for it.
            self._backend.cleanup()

    def _remove_unless_referenced(self, name: str, referenced: set[str]) -> None:
        if name not in referenced:
            with suppress(NotFound):  # removed since it was found
                self._backend.remove(name)

    def _create(self, make: _Make, info: Info) -> Sequence[Mount]:
        bucket, target = self._bucket_of(namespaces.required()), info.labels.get(TARGET, "")
        validate_labels(info.labels)
        # A collection must not see the tree before its record is written.
        with self._gate.shared():
            name, parent = self._db.update(lambda root: bucket(root).new(info.name, info.parent, target))
            mounts = make(name, parent, inherited(info.labels))
            now = datetime.now(UTC)
            try:
                added = replace(info, created_at=now, updated_at=now)
                self._db.update(lambda root: bucket(root).add(added, name))
            except BaseException:
                with suppress(Exception):  # without a record it is garbage
                    self._backend.remove(name)
                raise
        return mounts

    def _finish_commits(self) -> None:
        """End the commits that the backend has done, and forget the others. Nobody commits meanwhile."""
        if not self._db.view(lambda root: any(bucket.unfinished() for bucket in every(root, self._name))):
            return
        done = {info.name for info in self._backend.list()}

        def write(root: Bucket) -> None:
            for bucket in every(root, self._name):
                for name, committed in bucket.unfinished().items():
                    if committed in done:
                        bucket.end_commit(name)
                    else:
                        bucket.cancel_commit(name)

        self._db.update(write)

    def _referenced(self, root: Bucket) -> set[str]:
        return {name for bucket in every(root, self._name) for name in bucket.backend_names().values()}

    def _backend_name(self, key: str) -> str:
        bucket = self._bucket_of(namespaces.required())
        return self._db.view(lambda root: bucket(root).backend_name(key))

    def _bucket_of(self, namespace: str) -> Callable[[Bucket], SnapshotBucket]:
        return lambda root: SnapshotBucket(root, namespace, self._name)
