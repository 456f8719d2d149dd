"""The content store over the backend: what is kept of ingests, and what a collection takes away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.core.errors import FailedPrecondition, NotFound
from companion.core.leases import Lease, lease
from companion.core.namespaces import namespace
from companion.store.bucket import Bucket
from companion.store.content import ContentStore
from companion.store.leases import LeaseManager
from companion.store.metadata import Metadata


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


@pytest.fixture
def backend(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "content")


@pytest.fixture
def metadata(tmp_path: Path, backend: BlobStore) -> Iterator[Metadata]:
    with Metadata(tmp_path / "meta.db", backend) as metadata:
        yield metadata


@pytest.fixture
def store(metadata: Metadata) -> Iterator[ContentStore]:
    with namespace("builder"):
        yield metadata.content_store


def commit(store: ContentStore, data: bytes, ref: str = "ref") -> str:
    with store.writer(ref) as writer:
        writer.write(data)
        writer.commit()
    return digest(data)


def ingest(metadata: Metadata, ref: str) -> dict[str, str]:
    """What the database says of an ingest."""

    def read(root: Bucket) -> dict[str, str]:
        bucket = root.bucket("v1", "builder", "content", "ingests", ref)
        return {} if bucket is None else {key: value.decode() for key, value in bucket.items()}

    return metadata.view(read)


def test_an_ingest_without_a_lease_expires_in_a_day(store: ContentStore, metadata: Metadata) -> None:
    with store.writer("ref"):
        found = ingest(metadata, "ref")
    left = datetime.fromisoformat(found.pop("expireat")) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert found == {"ref": "builder/1/ref"}


def test_an_ingest_under_a_lease_does_not_expire(store: ContentStore, metadata: Metadata) -> None:
    LeaseManager(metadata).create(Lease("l"))
    with lease("l"), store.writer("ref"):
        assert ingest(metadata, "ref") == {"ref": "builder/1/ref"}


def test_an_ingest_of_shared_bytes_says_which(store: ContentStore, metadata: Metadata) -> None:
    with namespace("other"):
        shared = commit(store, b"abc")
    with store.writer("ref", expected=shared):
        assert ingest(metadata, "ref")["expected"] == shared


def test_a_lease_that_does_not_exist_leaves_nothing(
    store: ContentStore, metadata: Metadata, backend: BlobStore
) -> None:
    with lease("nosuch"), pytest.raises(NotFound, match=r"^lease does not exist: not found$"):
        store.writer("ref")
    assert ingest(metadata, "ref") == {}
    assert list(backend.list_statuses()) == []


def test_an_aborted_ingest_leaves_its_reference_to_the_next(store: ContentStore, metadata: Metadata) -> None:
    with store.writer("ref") as old:
        old.write(b"old")
        store.abort("ref")
        with store.writer("ref") as new:
            new.write(b"new")
            with pytest.raises(FileNotFoundError):
                old.commit()
            assert store.status("ref").offset == 3
            new.commit()
    assert [info.digest for info in store.list()] == [digest(b"new")]


def test_an_aborted_ingest_of_shared_bytes_does_not_end_the_next(store: ContentStore) -> None:
    with namespace("other"):
        shared = commit(store, b"abc")
    with store.writer("ref", expected=shared) as old:
        store.abort("ref")
        with store.writer("ref") as new:
            new.write(b"new")
            old.commit()
            assert store.status("ref").offset == 3
    assert store.info(shared).size == 3


def test_statuses_are_listed_by_reference(store: ContentStore) -> None:
    for ref in ("b", "a/x", "B", "ä"):
        with store.writer(ref):
            pass
    assert [status.ref for status in store.list_statuses()] == ["B", "a/x", "b", "ä"]


def test_a_collection_takes_what_no_namespace_has(store: ContentStore, backend: BlobStore) -> None:
    kept, both, gone = (commit(store, data) for data in (b"kept", b"both", b"gone"))
    with namespace("other"):
        commit(store, b"both")
    for deleted in (both, gone):
        store.delete(deleted)
    with store.writer("upload") as writer:
        writer.write(b"abc")
    with backend.writer("left from a crash"):
        pass
    store.garbage_collect()
    assert {info.digest for info in backend.list()} == {kept, both}
    assert [status.ref for status in backend.list_statuses()] == ["builder/4/upload"]
    assert store.status("upload").offset == 3


def test_a_collection_leaves_bytes_that_an_ingest_shares(store: ContentStore, backend: BlobStore) -> None:
    with namespace("other"):
        shared = commit(store, b"abc")
    with store.writer("ref", expected=shared) as writer:
        with namespace("other"):
            store.delete(shared)
        store.garbage_collect()
        writer.commit()
    with store.reader_at(shared) as blob:
        assert blob.read() == b"abc"


def test_shared_bytes_that_are_gone_are_no_blob(store: ContentStore) -> None:
    with namespace("other"):
        shared = commit(store, b"abc")
    with store.writer("ref", expected=shared) as writer:
        with namespace("other"):
            store.delete(shared)
        store.abort("ref")
        store.garbage_collect()
        with pytest.raises(NotFound, match=f"^content {shared}: not found$"):
            writer.commit()
    assert list(store.list()) == []


def test_a_commit_without_its_lease_is_no_blob(store: ContentStore, metadata: Metadata) -> None:
    manager = LeaseManager(metadata)
    manager.create(Lease("l"))
    with lease("l"), store.writer("ref") as writer:
        writer.write(b"abc")
        manager.delete(Lease("l"))
        with pytest.raises(NotFound, match=r"^lease does not exist: not found$"):
            writer.commit()
    assert list(store.list()) == []


def test_bytes_that_a_crash_left_without_a_record_need_not_come_again(
    store: ContentStore, backend: BlobStore
) -> None:
    data = os.urandom(10)
    with backend.writer("any") as writer:
        writer.write(data)
        writer.commit()
    with store.writer("ref", expected=digest(data)) as again:
        assert again.status().offset == 10
        again.commit(10, digest(data))
    assert store.info(digest(data)).size == 10


def test_a_closed_writer_of_shared_bytes_makes_no_copy(store: ContentStore) -> None:
    with namespace("other"):
        shared = commit(store, b"abc")
    with store.writer("ref", expected=shared) as writer:
        pass
    with pytest.raises(FailedPrecondition, match="closed writer"):
        writer.write(b"d")


def test_an_ingest_with_bytes_that_turns_out_shared_starts_its_copy_anew(store: ContentStore) -> None:
    with store.writer("ref") as writer:
        writer.write(b"xyz")
    with namespace("other"):
        shared = commit(store, b"abc")
    with store.writer("ref", expected=shared) as writer:
        writer.write(b"d")
        assert writer.digest() == digest(b"abcd")
