"""The lease manager: records in the buckets `v1/<namespace>/leases`, and beside each a bucket of its name.

In there stands what the lease holds, as keys without value: `content/<digest>`, `ingests/<ref>`,
`snapshots/<snapshotter>/<key>`. containerd: core/metadata/leases.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from companion.convert import leases as convert
from companion.core import digests, leases, namespaces
from companion.core.errors import AlreadyExists, InvalidArgument, NotFound, Unimplemented
from companion.core.filters import parse_request
from companion.core.leases import Lease, Resource
from companion.core.quote import quote
from companion.core.trace import traced
from companion.store.adaptors import lease_fields
from companion.store.bucket import Bucket, entries
from companion.store.database import Database, mark_dirty
from companion.store.labels import written


@traced("store")
class LeaseManager(leases.Manager):
    """The leases of all namespaces in one database. containerd: metadata.NewLeaseManager.

    To wait for a collection after a deletion with `sync` is up to the caller.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(self, lease: Lease) -> Lease:
        namespace = namespaces.required()
        given = replace(lease, id=lease.id or leases.generate_id(), labels=written(lease.labels))

        def write(root: Bucket) -> Lease:
            bucket = root.create_bucket("v1", namespace, "leases")
            if bucket.get(given.id) is not None:
                raise AlreadyExists(f"lease {quote(given.id)}")
            created = replace(given, created_at=datetime.now(UTC))
            bucket.put(given.id, convert.encode(created))
            bucket.create_bucket(given.id)
            return created

        return self._db.update(write)

    def delete(self, lease: Lease, *, sync: bool = False) -> None:
        namespace = namespaces.required()

        def write(root: Bucket) -> None:
            bucket = _bucket(root, namespace)
            if bucket is None or not bucket.delete(lease.id):
                raise NotFound(f"lease {quote(lease.id)}")
            bucket.delete_bucket(lease.id)
            mark_dirty("leases")

        self._db.update(write)

    def list(self, *filters: str) -> Sequence[Lease]:
        namespace, wanted = namespaces.required(), parse_request(filters)

        def read(root: Bucket) -> Sequence[Lease]:
            found = (convert.decode(raw) for _, raw in entries(_bucket(root, namespace)))
            return [lease for lease in found if wanted.match(lease_fields(lease))]

        return self._db.view(read)

    def add_resource(self, lease: Lease, resource: Resource) -> None:
        namespace = namespaces.required()

        def write(root: Bucket) -> None:
            held = _held(root, namespace, lease.id)
            held.create_bucket(*_path(resource)).put(resource.id, b"")

        self._db.update(write)

    def delete_resource(self, lease: Lease, resource: Resource) -> None:
        namespace = namespaces.required()

        def write(root: Bucket) -> None:
            bucket = _held(root, namespace, lease.id).bucket(*_path(resource))
            if bucket is not None:
                bucket.delete(resource.id)

        self._db.update(write)

    def list_resources(self, lease: Lease) -> Sequence[Resource]:
        namespace = namespaces.required()

        def read(root: Bucket) -> Sequence[Resource]:
            return list(resources(_held(root, namespace, lease.id)))

        return self._db.view(read)


def resources(held: Bucket) -> Iterator[Resource]:
    """Yield what stands in the bucket of a lease: content, then ingests, then snapshots."""
    for kind in _types(held):
        yield from (Resource(name, kind) for name, _ in entries(held.bucket(*kind.split("/"))))


def hold(root: Bucket, namespace: str, resource: Resource) -> bool:
    """Let the lease of the context hold a resource; return whether there is one.

    Raises `NotFound` for a lease that does not exist. containerd: addContentLease and its kin.
    """
    lease = leases.current.get()
    if not lease:
        return False
    held = root.bucket("v1", namespace, "leases", lease)
    if held is None:
        raise NotFound("lease does not exist")
    held.create_bucket(*_path(resource)).put(resource.id, b"")
    return True


def release(root: Bucket, namespace: str, resource: Resource) -> None:
    """Let the lease of the context, if there is one, let go of a resource.

    containerd: removeContentLease and its kin.
    """
    lease = leases.current.get()
    bucket = root.bucket("v1", namespace, "leases", lease, *_path(resource)) if lease else None
    if bucket is not None:
        bucket.delete(resource.id)


def _bucket(root: Bucket, namespace: str) -> Bucket | None:
    return root.bucket("v1", namespace, "leases")


def _held(root: Bucket, namespace: str, id: str) -> Bucket:
    held = root.bucket("v1", namespace, "leases", id)
    if held is None:
        raise NotFound(f"lease {quote(id)}")
    return held


def _types(held: Bucket) -> Iterator[str]:
    yield "content"
    yield "ingests"
    snapshots = held.bucket("snapshots")
    if snapshots is not None:
        yield from (f"snapshots/{snapshotter}" for snapshotter in snapshots.buckets())


def _path(resource: Resource) -> list[str]:
    """Return the path to the resource, as its type says it. containerd: parseLeaseResource."""
    match resource.type.split("/"):
        case ["content"]:
            try:
                digests.validate(resource.id)
            except InvalidArgument as error:
                raise error.wrap(f"invalid content resource id {resource.id}") from None
            return ["content"]
        case ["ingests"] | ["snapshots", _] as path:
            return path
        case ["content" | "ingests", *_]:
            raise InvalidArgument(f"invalid resource type {resource.type}")
        case ["snapshots", *_]:
            raise InvalidArgument(f"invalid snapshot resource type {resource.type}")
    raise Unimplemented(f"resource type {resource.type} not supported yet")
