"""A collection as a whole: what it looks at, what it survives, and who may write meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.backend.snapshots.native import NativeSnapshotter
from companion.core import labels
from companion.core.content import Descriptor, Info
from companion.core.garbage import Node
from companion.core.images import Image
from companion.core.leases import Lease, lease
from companion.core.namespaces import namespace
from companion.store import garbage
from companion.store.bucket import Bucket
from companion.store.images import ImageStore
from companion.store.leases import LeaseManager
from companion.store.metadata import Metadata

DIGEST = f"sha256:{sha256(b'blob').hexdigest()}"


class Counting(BlobStore):
    """A backend that counts how often it is looked through, and fails to delete on demand."""

    looks, broken = 0, False

    def list(self) -> Iterable[Info]:
        self.looks += 1
        return super().list()

    def delete(self, digest: str) -> None:
        if self.broken:
            raise OSError("disk")
        super().delete(digest)


@pytest.fixture
def blobs(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "content")


@pytest.fixture
def trees(tmp_path: Path) -> Iterator[NativeSnapshotter]:
    trees = NativeSnapshotter(tmp_path / "native")
    yield trees
    trees.close()


@pytest.fixture
def metadata(tmp_path: Path, blobs: Counting, trees: NativeSnapshotter) -> Iterator[Metadata]:
    with Metadata(tmp_path / "meta.db", blobs, {"native": trees}) as metadata, namespace("test"):
        yield metadata


def blob(metadata: Metadata, **given: str) -> None:
    with metadata.content_store.writer("ref") as writer:
        writer.write(b"blob")
        writer.commit(labels=given)


def digests(metadata: Metadata) -> list[str]:
    return [info.digest for info in metadata.content_store.list()]


def test_records_and_bytes_go_together(metadata: Metadata, blobs: Counting, trees: NativeSnapshotter) -> None:
    blob(metadata)
    metadata.snapshotter("native").prepare("key")
    metadata.garbage_collect()
    assert digests(metadata) == []
    assert metadata.snapshotter("native").list() == []
    assert (list(blobs.list()), list(trees.list())) == ([], [])


def test_a_backend_is_looked_through_only_when_it_may_have_garbage(
    metadata: Metadata, blobs: Counting
) -> None:
    metadata.garbage_collect()  # the first time it may have something from the last daemon
    assert blobs.looks == 1
    blob(metadata, **{labels.GC_ROOT: "1"})
    metadata.snapshotter("native").prepare("key")
    metadata.garbage_collect()
    assert blobs.looks == 1
    metadata.content_store.delete(DIGEST)
    metadata.garbage_collect()
    assert blobs.looks == 2


def test_what_cannot_be_removed_is_left_to_the_next_collection(
    metadata: Metadata, blobs: Counting, trees: NativeSnapshotter
) -> None:
    blob(metadata)
    metadata.snapshotter("native").prepare("key")
    blobs.broken = True
    metadata.garbage_collect()
    assert digests(metadata) == []
    assert [info.digest for info in blobs.list()] == [DIGEST]
    assert list(trees.list()) == []
    blobs.broken = False
    metadata.garbage_collect()
    assert list(blobs.list()) == []


def test_an_image_that_comes_between_mark_and_removal_keeps_its_target(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob(metadata)
    find, marks = garbage.find, list[dict[str, list[Node]]]()

    def create_image() -> None:
        with namespace("test"):
            ImageStore(metadata).create(Image("i", Descriptor("m", DIGEST, 4)))

    def interrupted(root: Bucket, now: datetime, rest: float = 0.0) -> dict[str, list[Node]]:
        marks.append(find(root, now, rest))
        if len(marks) == 1:
            creator = threading.Thread(target=create_image)
            creator.start()
            creator.join()
        return marks[-1]

    monkeypatch.setattr(garbage, "find", interrupted)
    metadata.garbage_collect()
    assert marks == [{"test": [Node("content", DIGEST)]}, {}]
    assert digests(metadata) == [DIGEST]


def test_bytes_that_get_a_record_again_after_their_removal_stay(
    metadata: Metadata, blobs: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record goes in one step and the bytes in another; who writes between them finds his bytes."""
    blob(metadata)
    collect = metadata.content_store.garbage_collect
    LeaseManager(metadata).create(Lease("l"))

    def interrupted() -> None:
        assert digests(metadata) == []
        with lease("l"), metadata.content_store.writer("ref", expected=DIGEST) as writer:
            writer.commit()
        collect()

    monkeypatch.setattr(metadata.content_store, "garbage_collect", interrupted)
    metadata.garbage_collect()
    assert digests(metadata) == [DIGEST]
    with metadata.content_store.reader_at(DIGEST) as reader:
        assert reader.read() == b"blob"
    assert blobs.info(DIGEST).size == 4


def test_two_collections_at_once(metadata: Metadata) -> None:
    blob(metadata)
    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(metadata.garbage_collect) for _ in range(8)]:
            each.result()
    assert digests(metadata) == []


def test_writers_are_counted_and_what_they_delete_is_told(metadata: Metadata) -> None:
    told = list[tuple[int, Set[str]]]()
    metadata.on_mutation(lambda mutations, deleted: told.append((mutations, deleted)))
    manager, images = LeaseManager(metadata), ImageStore(metadata)
    manager.create(Lease("l"))
    manager.delete(Lease("l"))
    images.create(Image("i", Descriptor("m", DIGEST, 4)))
    metadata.update(lambda root: images.delete("i"))
    assert told == [(1, set()), (1, {"leases"}), (1, set()), (1, {"images"})]


def test_a_deletion_of_content_or_snapshot_names_its_type(metadata: Metadata) -> None:
    blob(metadata)
    metadata.snapshotter("native").prepare("key")
    told = list[Set[str]]()
    metadata.on_mutation(lambda _, deleted: told.append(deleted))
    metadata.content_store.delete(DIGEST)
    metadata.snapshotter("native").remove("key")
    assert told == [{"content"}, {"snapshots/native"}]


def test_a_view_is_no_mutation(metadata: Metadata) -> None:
    told = list[int]()
    metadata.on_mutation(lambda mutations, _: told.append(mutations))
    digests(metadata)
    assert told == []
