"""The container store: records in the buckets `v1/<namespace>/containers`.

containerd: core/metadata/containers.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.convert import containers as convert
from companion.convert.encoded import Encoded
from companion.core import containers, namespaces
from companion.core.containers import Container
from companion.core.errors import AlreadyExists, InvalidArgument, NotFound
from companion.core.filters import parse_request
from companion.core.quote import quote
from companion.core.trace import traced
from companion.store import container_rules
from companion.store.adaptors import container_fields, message_matcher
from companion.store.bucket import Bucket, DatabaseError, entries
from companion.store.database import Database, mark_dirty
from companion.store.labels import written


@traced("store")
class ContainerStore(containers.Store):
    """The records of all namespaces in one database. containerd: metadata.NewContainerStore."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, id: str) -> Container:
        namespace = namespaces.required()
        raw = self._db.view(lambda root: _read(_bucket(root, namespace), id))
        if raw is None:
            raise NotFound(f"container {quote(id)} in namespace {quote(namespace)}")
        return convert.decode(raw)

    def list(self, *filters: str) -> Sequence[Container]:
        namespace = namespaces.required()
        wanted = message_matcher(filters, parse_request(filters), pb.Container(), container_fields)
        found = self._db.view(
            lambda root: [raw for _, raw in entries(_bucket(root, namespace)) if wanted(raw)]
        )
        return Encoded(found, convert.decode)

    def create(self, container: Container) -> Container:
        namespace = namespaces.required()
        container_rules.validate(container, "create container failed validation")

        def write(root: Bucket) -> Container:
            bucket = root.create_bucket("v1", namespace, "containers")
            if bucket.get(container.id) is not None:
                raise AlreadyExists(f"container {quote(container.id)}")
            now = datetime.now(UTC)
            return _write(bucket, replace(container, created_at=now, updated_at=now))

        return self._db.update(write)

    def update(self, container: Container, *fieldpaths: str) -> Container:
        namespace = namespaces.required()
        if not container.id:
            raise InvalidArgument("must specify a container id")

        def write(root: Bucket) -> Container:
            bucket = _bucket(root, namespace)
            if bucket is None:
                raise NotFound(
                    f"cannot update container {quote(container.id)} in namespace {quote(namespace)}"
                )
            raw = _read(bucket, container.id)
            if raw is None:
                raise NotFound(f"container {quote(container.id)}")
            merged = container_rules.merge(convert.decode(raw), container, fieldpaths)
            container_rules.validate(merged, "update failed validation")
            return _write(bucket, replace(merged, updated_at=datetime.now(UTC)))

        return self._db.update(write)

    def delete(self, id: str) -> None:
        namespace = namespaces.required()

        def write(root: Bucket) -> None:
            bucket = _bucket(root, namespace)
            if bucket is None:
                raise NotFound(f"cannot delete container {quote(id)} in namespace {quote(namespace)}")
            if _read(bucket, id) is None:
                raise NotFound(f"container {id}")
            bucket.delete(id)
            mark_dirty("containers")

        self._db.update(write)


def _bucket(root: Bucket, namespace: str) -> Bucket | None:
    return root.bucket("v1", namespace, "containers")


def _read(bucket: Bucket | None, id: str) -> bytes | None:
    return None if bucket is None else bucket.get(id)


def _write(bucket: Bucket, container: Container) -> Container:
    try:
        kept = replace(container, labels=written(container.labels))
        bucket.put(container.id, convert.encode(kept))
    except DatabaseError as error:
        raise DatabaseError(f"failed to write container {quote(container.id)}: {error}") from None
    return kept
