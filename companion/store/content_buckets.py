"""Where content stands in the database:

v1/<namespace>/content/blob/<digest>         the record of a blob
v1/<namespace>/content/ingests/<ref>/ref     the backend's name for an ingest
v1/<namespace>/content/ingests/<ref>/expected   the digest, of bytes that are there already
v1/<namespace>/content/ingests/<ref>/expireat   until when an ingest is kept that no lease holds
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from companion.core.content import Info
from companion.core.errors import NotFound
from companion.core.leases import Resource
from companion.store.bucket import Bucket, entries
from companion.store.leases import hold

INGEST_LIFE = timedelta(hours=24)


def blobs(root: Bucket, namespace: str) -> Bucket | None:
    """Return the bucket of the records, if there is one."""
    return root.bucket("v1", namespace, "content", "blob")


def ingests(root: Bucket, namespace: str) -> Bucket | None:
    """Return the bucket of the ingests, if there is one."""
    return root.bucket("v1", namespace, "content", "ingests")


def read(blobs: Bucket | None, digest: str) -> bytes:
    """Return the record of a blob. Raises `NotFound`."""
    raw = None if blobs is None else blobs.get(digest)
    if raw is None:
        raise NotFound(f"content digest {digest}")
    return raw


def backend_ref(ingests: Bucket | None, ref: str) -> str:
    """Return the backend's name for an ingest. Raises `NotFound`."""
    ingest = None if ingests is None else ingests.bucket(ref)
    raw = None if ingest is None else ingest.get("ref")
    if raw is None:
        raise NotFound(f"reference {ref}")
    return raw.decode()


def begin(root: Bucket, namespace: str, ref: str, expected: str, shared: Info | None) -> str | None:
    """Write down an ingest and return the backend's name for it; None when the namespace has the blob.

    The lease of the context holds the one or the other. Raises `NotFound` for a lease that does not exist.
    """
    found = blobs(root, namespace)
    if found is not None and found.get(expected) is not None:
        try:
            hold(root, namespace, Resource(expected, "content"))
        except NotFound as error:
            raise error.wrap("unable to lease content") from None
        return None
    bucket = root.create_bucket("v1", namespace, "content", "ingests")
    ingest = bucket.create_bucket(ref)
    if ingest.get("ref") is None:
        # A number, so that what is left of an older ingest of this name is never taken for its beginning.
        ingest.put("ref", f"{namespace}/{bucket.next_sequence()}/{ref}".encode())
    if not hold(root, namespace, Resource(ref, "ingests")):
        ingest.put("expireat", (datetime.now(UTC) + INGEST_LIFE).isoformat().encode())
    if shared is not None:
        ingest.put("expected", shared.digest.encode())
    return backend_ref(bucket, ref)


def referenced(root: Bucket) -> set[str]:
    """Return the digests and the backend's refs that any namespace has a record of.

    They never look alike.
    """
    found: set[str] = set()
    for namespace in _namespaces(root):
        found.update(digest for digest, _ in entries(blobs(root, namespace)))
        bucket = ingests(root, namespace)
        for ref in [] if bucket is None else bucket.buckets():
            ingest = dict(entries(root.bucket("v1", namespace, "content", "ingests", ref)))
            found.update(ingest[key].decode() for key in ("ref", "expected") if key in ingest)
    return found


def _namespaces(root: Bucket) -> Sequence[str]:
    bucket = root.bucket("v1")
    return [] if bucket is None else list(bucket.buckets())
