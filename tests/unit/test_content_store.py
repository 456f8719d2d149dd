"""What every content store must do: the one in the daemon, and the remote one, near and far."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.client.client import Client
from companion.config import Config
from companion.core.blobs import read_blob, write_blob
from companion.core.content import CHUNK, Info, Store
from companion.core.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from companion.core.namespaces import namespace
from companion.daemon import Daemon
from companion.store.metadata import Metadata
from tests import daemons

KEPT = {"containerd.io/gc.root": "1"}
"""Labels that keep a blob from containerd's garbage collector."""

LONG = os.urandom(3 * CHUNK + 17)


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("daemon")
    with Daemon(Config(root=directory / "root", state=directory / "state")) as daemon:
        yield daemon


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Store]:
    with Metadata(tmp_path / "meta.db", BlobStore(tmp_path / "content")) as metadata:
        yield metadata.content_store


@pytest.fixture
def in_process(daemon: Daemon) -> Iterator[Store]:
    with Client(services=daemon.services()) as client:
        yield client.content_store


@pytest.fixture
def over_the_wire(daemon: Daemon) -> Iterator[Store]:
    with Client(daemon.address) as client:
        yield client.content_store


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with daemons.containerd() as daemon:
        yield daemon.address


@pytest.fixture
def of_containerd(real: str) -> Iterator[Store]:
    with Client(real) as client:
        yield client.content_store


PLACES = [
    "alone",
    "in_process",
    "over_the_wire",
    pytest.param("of_containerd", marks=pytest.mark.interop),
]


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    found = request.getfixturevalue(request.param)
    with namespace(f"suite-{os.urandom(4).hex()}"):
        yield found


def commit(store: Store, data: bytes, ref: str = "ref") -> str:
    with store.writer(ref) as writer:
        writer.write(data)
        writer.commit(labels=KEPT)
    return digest(data)


def test_bytes_come_back(store: Store) -> None:
    write_blob(store, "ref", io.BytesIO(LONG), size=len(LONG), labels=KEPT)
    assert read_blob(store, digest(LONG)) == LONG


def test_a_blob_without_bytes(store: Store) -> None:
    write_blob(store, "ref", io.BytesIO(), labels=KEPT)
    assert read_blob(store, digest(b"")) == b""


def test_a_blob_is_read_from_any_place(store: Store) -> None:
    with store.reader_at(commit(store, LONG)) as blob:
        for place, size in ((2 * CHUNK, 100), (5, CHUNK + 1), (6, 0), (3 * CHUNK + 10, 100)):
            assert blob.seek(place) == place
            assert blob.read(size) == LONG[place : place + size]
        assert blob.seek(-3, os.SEEK_END) == len(LONG) - 3
        assert blob.read() == LONG[-3:]
        assert blob.read(1) == b""


def test_a_record_tells_size_and_labels(store: Store) -> None:
    with store.writer("ref", total=3) as writer:
        writer.write(b"abc")
        writer.commit(3, digest(b"abc"), {**KEPT, "a": "1", "empty": ""})
    info = store.info(digest(b"abc"))
    assert info == Info(digest(b"abc"), 3, {**KEPT, "a": "1"}, info.created_at, info.updated_at)
    assert info.created_at is not None
    assert info.created_at == info.updated_at


def test_an_ingest_goes_on_where_it_was_left(store: Store) -> None:
    with store.writer("ref", total=8) as writer:
        writer.write(b"abc")
    with store.writer("ref", total=8) as writer:
        assert writer.status().offset == 3
        assert writer.digest() == digest(b"abc")
        writer.write(b"defgh")
        writer.commit(8, labels=KEPT)
    assert read_blob(store, digest(b"abcdefgh")) == b"abcdefgh"


def test_write_blob_goes_on_where_it_was_left(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(LONG[: CHUNK + 3])
    source = io.BytesIO(b"x" * CHUNK + LONG[CHUNK:])  # what has arrived is not read again
    write_blob(store, "ref", source, size=len(LONG), expected=digest(LONG), labels=KEPT)
    assert read_blob(store, digest(LONG)) == LONG


def test_write_blob_takes_what_is_there_already(store: Store) -> None:
    commit(store, b"abc")
    write_blob(store, "again", io.BytesIO(b"abc"), expected=digest(b"abc"))
    write_blob(store, "again", io.BytesIO(b"abc"))
    assert store.list_statuses() == []


def test_an_ingest_starts_again(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
        writer.truncate()
        assert (writer.status().offset, writer.digest()) == (0, digest(b""))
        writer.write(b"xy")
        writer.commit(2, labels=KEPT)
    assert read_blob(store, digest(b"xy")) == b"xy"


def test_a_size_that_is_wrong_is_refused_and_the_ingest_stays(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
        with pytest.raises(FailedPrecondition, match='"ref" failed size validation: 3 != 4'):
            writer.commit(4)
    assert store.status("ref").offset == 3


def test_a_digest_that_is_wrong_is_refused_and_the_ingest_stays(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
        with pytest.raises(FailedPrecondition, match=r"unexpected commit digest sha256:ba78.*, expected foo"):
            writer.commit(expected="foo")
    assert store.status("ref").offset == 3


def test_a_label_that_is_too_long_is_refused_and_the_ingest_stays(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
        with pytest.raises(InvalidArgument, match=r"info.Labels: label key and value greater"):
            writer.commit(labels={"k": "v" * 4096})
    assert store.status("ref").offset == 3


def test_a_blob_that_is_there_is_not_written(store: Store) -> None:
    commit(store, b"abc")
    with pytest.raises(AlreadyExists, match=f"^content {digest(b'abc')}: already exists$"):
        store.writer("other", expected=digest(b"abc"))
    assert store.list_statuses() == []


def test_a_blob_that_turns_out_to_be_there_keeps_its_labels(store: Store) -> None:
    commit(store, b"abc")
    with store.writer("other") as writer:
        writer.write(b"abc")
        with pytest.raises(AlreadyExists, match=f"content {digest(b'abc')}: already exists$"):
            writer.commit(labels={"a": "1"})
    assert store.info(digest(b"abc")).labels == KEPT
    assert store.list_statuses() == []


def test_a_reference_is_held_by_one_writer(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
        with pytest.raises(Unavailable, match=r"ref .*/ref locked for .*: unavailable$"):
            store.writer("ref")
        assert store.status("ref").offset == 3
    with store.writer("ref") as writer:
        assert writer.status().offset == 3


def test_a_closed_writer_writes_no_more(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
    writer.close()
    with pytest.raises(FailedPrecondition, match="closed writer"):
        writer.write(b"d")
    assert store.status("ref").offset == 3


def test_an_aborted_ingest_is_gone(store: Store) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc")
    store.abort("ref")
    for missing in (store.status, store.abort):
        with pytest.raises(NotFound, match=r"reference ref: not found$"):
            missing("ref")
    with store.writer("ref") as writer:
        assert writer.status().offset == 0


def test_statuses_are_filtered(store: Store) -> None:
    for ref in ("one", "two"):
        with store.writer(ref, total=7):
            pass
    assert sorted(status.ref for status in store.list_statuses()) == ["one", "two"]
    [found] = store.list_statuses("ref==two")
    assert (found.ref, found.offset, found.total) == ("two", 0, 7)
    with pytest.raises(InvalidArgument, match="filters: parse error"):
        store.list_statuses("ref=two")


def test_blobs_are_listed_by_digest_and_filtered(store: Store) -> None:
    data = [bytes([number]) for number in range(120)]
    for blob in data:
        commit(store, blob)
    store.update(Info(digest(data[7]), labels={"a": "1"}), "labels.a")
    assert [info.digest for info in store.list()] == sorted(map(digest, data))
    assert [info.digest for info in store.list("labels.a==1", f"digest=={digest(data[9])}")] == sorted(
        map(digest, (data[7], data[9]))
    )
    with pytest.raises(InvalidArgument, match="filters: parse error"):
        store.list("digest=x")


def test_labels_change_by_name_or_all(store: Store) -> None:
    abc = commit(store, b"abc")
    changed = store.update(Info(abc, labels={"a": "1", "b": "2"}), "labels.a", "labels.containerd.io/gc.root")
    assert (changed.labels, changed.size) == ({"a": "1"}, 3)
    assert store.info(abc) == changed
    assert store.update(Info(abc, labels={"c": "3"})).labels == {"c": "3"}
    with pytest.raises(InvalidArgument, match=r'^cannot update "size" field on content info'):
        store.update(Info(abc), "size")


def test_a_deleted_blob_is_gone(store: Store) -> None:
    abc = commit(store, b"abc")
    store.delete(abc)
    for missing in (store.info, store.reader_at, store.delete):
        with pytest.raises(NotFound, match=f"content digest {abc}: not found$"):
            missing(abc)


def test_namespaces_share_bytes_and_nothing_else(store: Store) -> None:
    own = os.urandom(20)
    commit(store, own)
    with namespace("other"):
        with pytest.raises(NotFound):
            store.info(digest(own))
        with store.writer("ref", expected=digest(own)) as writer:
            assert (writer.status().offset, writer.digest()) == (20, digest(own))
            writer.commit(20, digest(own), KEPT)
        assert read_blob(store, digest(own)) == own
    store.delete(digest(own))
    with namespace("other"):
        assert read_blob(store, digest(own)) == own


def test_shared_bytes_are_copied_when_more_come(store: Store) -> None:
    own = os.urandom(20)
    commit(store, own)
    with namespace("other"), store.writer("ref", expected=digest(own)) as writer:
        writer.write(b"!")
        assert (writer.status().offset, writer.digest()) == (21, digest(own + b"!"))
    assert read_blob(store, digest(own)) == own


def test_shared_bytes_can_be_given_up(store: Store) -> None:
    own = os.urandom(20)
    commit(store, own)
    with namespace("other"), store.writer("ref", expected=digest(own)) as writer:
        writer.truncate()
        writer.write(b"abc")
        assert (writer.status().offset, writer.digest()) == (3, digest(b"abc"))
    with namespace("other"):
        store.abort("ref")


def test_all_needs_a_namespace(store: Store) -> None:
    calls = (
        lambda: store.info(digest(b"")),
        store.list,
        lambda: store.update(Info(digest(b""))),
        lambda: store.delete(digest(b"")),
        lambda: store.reader_at(digest(b"")),
        lambda: store.writer("ref"),
        lambda: store.status("ref"),
        store.list_statuses,
        lambda: store.abort("ref"),
    )
    with namespace(""):
        for call in calls:
            with pytest.raises(FailedPrecondition, match=r"namespace is required: failed precondition$"):
                call()
