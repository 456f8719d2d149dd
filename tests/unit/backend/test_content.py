"""The local blob store: what stands on the disk, and that a blob is there whole or not at all."""

from __future__ import annotations

import os
import resource
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unavailable

ABC = f"sha256:{sha256(b'abc').hexdigest()}"
WALKS = ["../../etc/passwd", "sha256:../../../etc/passwd", f"sha256:{'a' * 31}/../{'a' * 29}", "", "foo"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "content"


@pytest.fixture
def store(root: Path) -> BlobStore:
    return BlobStore(root)


def ingest(root: Path, ref: str) -> Path:
    return root / "ingest" / sha256(ref.encode()).hexdigest()


def commit(store: BlobStore, data: bytes = b"abc", ref: str = "ref") -> None:
    with store.writer(ref) as writer:
        writer.write(data)
        writer.commit()


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_an_ingest_has_a_directory_with_what_is_known_of_it(store: BlobStore, root: Path) -> None:
    with store.writer("a/../ref", total=7) as writer:
        writer.write(b"abc")
    found = files(ingest(root, "a/../ref"))
    times = [datetime.fromisoformat(found.pop(name)) for name in ("startedat", "updatedat")]
    assert found == {"ref": "a/../ref", "data": "abc", "total": "7"}
    assert times[0] < times[1] <= datetime.now(UTC) < times[0] + timedelta(minutes=1)


def test_a_blob_is_all_that_a_commit_leaves(store: BlobStore, root: Path) -> None:
    commit(store)
    assert files(root) == {f"blobs/{ABC.replace(':', '/')}": "abc"}
    assert list((root / "ingest").iterdir()) == []


def test_directories_are_the_daemons_own_and_blobs_are_read_only(store: BlobStore, root: Path) -> None:
    with store.writer("ref"):
        modes = {path.stat().st_mode & 0o777 for path in (root, *root.rglob("*")) if path.is_dir()}
    assert modes == {0o700}
    commit(store, ref="other")
    assert (root / "blobs" / ABC.replace(":", "/")).stat().st_mode & 0o777 == 0o400


def test_an_ingest_outlives_the_store(store: BlobStore, root: Path) -> None:
    with store.writer("ref", total=5) as writer:
        writer.write(b"abc")
    with BlobStore(root).writer("ref") as writer:
        status = writer.status()
        assert (status.offset, status.total, writer.digest()) == (3, 5, ABC)
        writer.write(b"de")
        writer.commit(5)
    assert next(iter(BlobStore(root).list())).size == 5


@pytest.mark.parametrize("missing", ["ref", "data", "startedat", "updatedat"])
def test_what_a_kill_left_of_an_ingest_is_swept_away(store: BlobStore, root: Path, missing: str) -> None:
    with store.writer("ref"):
        pass
    (ingest(root, "ref") / missing).unlink()
    assert list(store.list_statuses()) == []
    assert list(BlobStore(root).list_statuses()) == []
    assert files(root) == {}


@pytest.mark.parametrize("damaged", ["startedat", "updatedat"])
def test_a_damaged_ingest_starts_again(store: BlobStore, root: Path, damaged: str) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
    (ingest(root, "ref") / damaged).write_text("")
    with store.writer("ref") as writer:
        assert writer.status().offset == 0


@pytest.mark.parametrize(("before", "after", "offset"), [(5, 6, 0), (5, 5, 3), (5, 0, 3), (0, 5, 3)])
def test_another_total_starts_an_ingest_again(store: BlobStore, before: int, after: int, offset: int) -> None:
    with store.writer("ref", total=before) as writer:
        writer.write(b"abc")
    with store.writer("ref", total=after) as writer:
        assert writer.status().offset == offset


def test_a_reference_is_held_by_one_writer(store: BlobStore) -> None:
    with store.writer("ref"):
        with pytest.raises(Unavailable, match=r"^ref ref locked for \d\.\d+s \(since .*\): unavailable$"):
            store.writer("ref")
        with store.writer("other"):
            pass
    with store.writer("ref"):
        pass


def test_a_reference_is_free_after_an_error(store: BlobStore, root: Path) -> None:
    with store.writer("ref"):
        pass
    data = ingest(root, "ref") / "data"
    data.unlink()
    data.mkdir()
    with pytest.raises(IsADirectoryError):
        store.writer("ref")
    data.rmdir()
    with store.writer("ref") as writer:
        assert writer.status().offset == 0


@pytest.mark.parametrize(("size", "expected"), [(4, ""), (0, f"sha256:{'0' * 64}"), (3, "foo")])
def test_a_commit_that_fails_leaves_the_ingest(
    store: BlobStore, root: Path, size: int, expected: str
) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
        with pytest.raises(FailedPrecondition, match=r"^unexpected commit (size|digest) "):
            writer.commit(size, expected)
    assert list(store.list()) == []
    with store.writer("ref") as writer:
        writer.commit(3, ABC)


def test_a_commit_of_a_blob_that_is_there_ends_the_ingest(store: BlobStore) -> None:
    commit(store)
    with store.writer("ref") as writer:
        writer.write(b"abc")
        with pytest.raises(AlreadyExists, match=f"^content {ABC}: already exists$"):
            writer.commit()
    assert list(store.list_statuses()) == []
    with pytest.raises(AlreadyExists):
        store.writer("ref", expected=ABC)


def test_two_writers_of_the_same_bytes_make_one_blob(store: BlobStore) -> None:
    with store.writer("one") as one, store.writer("two") as two:
        one.write(b"abc")
        two.write(b"abc")
        one.commit()
        with pytest.raises(AlreadyExists):
            two.commit()
    assert [info.digest for info in store.list()] == [ABC]


def test_an_ingest_aborted_under_its_writer_does_not_become_a_blob(store: BlobStore, root: Path) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
        store.abort("ref")
        with pytest.raises(FileNotFoundError):
            writer.commit()
    assert files(root) == {}
    with store.writer("ref"):
        pass


def test_a_write_that_fails_halfway_keeps_what_arrived(store: BlobStore) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with store.writer("ref") as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
        try:
            with pytest.raises(OSError, match="File too large"):
                writer.write(b"abcdef")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert writer.status().offset == 4
        assert writer.digest() == f"sha256:{sha256(b'abcd').hexdigest()}"
    with store.writer("ref") as writer:
        assert writer.status().offset == 4


@pytest.mark.parametrize("digest", WALKS)
def test_a_digest_never_walks_the_file_system(store: BlobStore, digest: str) -> None:
    for call in (store.info, store.delete, store.reader_at):
        with pytest.raises(InvalidArgument, match="invalid checksum digest"):
            call(digest)


@pytest.mark.parametrize("ref", ["../../../x", "/etc/passwd", "a\0b\r\n\r", "é" * 5000, "."])
def test_a_reference_never_walks_the_file_system(store: BlobStore, root: Path, ref: str) -> None:
    with store.writer(ref) as writer:
        writer.write(b"abc")
    assert [status.ref for status in store.list_statuses()] == [ref]
    assert [path.parent.name for path in root.rglob("data")] == [sha256(ref.encode()).hexdigest()]
    store.abort(ref)


def test_what_is_missing_is_not_found(store: BlobStore) -> None:
    for missing in (store.info, store.delete, store.reader_at):
        with pytest.raises(NotFound, match=f"^content {ABC}: not found$"):
            missing(ABC)
    for unknown in (store.status, store.abort):
        with pytest.raises(NotFound, match=r"^reference ref: not found$"):
            unknown("ref")
    with pytest.raises(InvalidArgument, match=r"^ref must not be empty"):
        store.writer("")


def test_blobs_of_other_algorithms_are_found(store: BlobStore, root: Path) -> None:
    (root / "blobs" / "sha512" / ("a" * 128)).write_bytes(b"ab")
    assert [(info.digest, info.size) for info in store.list()] == [(f"sha512:{'a' * 128}", 2)]
    with store.reader_at(f"sha512:{'a' * 128}") as blob:
        assert blob.read() == b"ab"


def test_a_blob_is_read_to_its_end_even_when_deleted(store: BlobStore) -> None:
    data = os.urandom(100_000)
    commit(store, data)
    [info] = store.list()
    with store.reader_at(info.digest) as blob:
        first = blob.read(10)
        store.delete(info.digest)
        assert first + blob.read() == data
