"""Layers unpacked and made by a daemon that runs as an ordinary user: all that needs no privileges."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator

import pytest

from companion.client import Client
from companion.core.blobs import read_blob
from companion.core.content import Descriptor
from companion.core.errors import Unknown
from companion.core.mounts import Mount
from tests.notebooks.test_unprivileged import GID, UID, as_ordinary_user
from tests.robustness.layers import GC_ROOT, LAYER, archive, directory, entry, gzipped, symlink, unpacked
from tests.robustness.place import Place

NET_RAW = "\1\0\0\2" + "\0\x20\0\0" + "\0" * 12
OWNER = (UID, GID) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    """A client of a daemon that has no privileges."""
    os.chown(place.directory, *OWNER)
    with place.daemon(before=as_ordinary_user()), place.client() as client:
        yield client


def test_a_layer_is_unpacked_as_far_as_permitted(client: Client) -> None:
    trusted = {"SCHILY.xattr.trusted.key": "value", "SCHILY.xattr.security.capability": NET_RAW}
    layer = [
        directory("closed", mode=0o500, uid=0, mtime=1_000_000_000),
        entry("closed/file", data=b"text", mode=0o4755, uid=0, mtime=1_000_000_000),
        entry("attributes", pax_headers={**trusted, "SCHILY.xattr.user.key": "value"}),
        entry("device", tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("pipe", tarfile.FIFOTYPE),
        symlink("link", "file"),
    ]
    tree = unpacked(client, gzipped(archive(layer)), "+gzip")
    assert sorted(path.name for path in tree.iterdir()) == ["attributes", "closed", "link", "pipe"]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in tree.rglob("*")} == {OWNER}
    assert [(tree / name).stat().st_mode & 0o7777 for name in ("closed", "closed/file")] == [0o500, 0o4755]
    assert {(tree / name).stat().st_mtime for name in ("closed", "closed/file")} == {1_000_000_000}
    assert os.listxattr(tree / "attributes") == ["user.key"]


def test_a_closed_directory_of_a_layer_below_takes_files_and_is_closed_again(client: Client) -> None:
    snapshotter = client.snapshot_service("native")
    below = unpacked(client, archive([directory("closed", mode=0o500), entry("closed/old", data=b"old")]))
    (key,) = [info.name for info in snapshotter.list()]
    assert below.exists()
    snapshotter.commit("base", key, GC_ROOT)
    mounts = snapshotter.prepare("key", "base", GC_ROOT)
    layer = archive([entry("closed/new", data=b"new"), entry("closed/.wh.old")])
    with client.content_store.writer("ref") as writer:
        writer.write(layer)
        digest = writer.digest()
        writer.commit(labels=GC_ROOT)
    client.diff_service.apply(Descriptor(LAYER, digest), mounts)
    closed = f"{mounts[0].source}/closed"
    assert os.listdir(closed) == ["new"]
    assert os.stat(closed).st_mode & 0o7777 == 0o500


def test_a_layer_is_made(client: Client) -> None:
    tree = unpacked(client, archive([directory("d"), entry("d/file", data=b"text")]))
    view = client.snapshot_service("native").view("empty", labels=GC_ROOT)
    mounts = [Mount("bind", str(tree), ("rbind", "rw"))]
    made = client.diff_service.compare(view, mounts, media_type=LAYER)
    again = unpacked(client, read_blob(client.content_store, made.digest))
    assert (again / "d/file").read_text() == "text"


def test_what_is_only_to_be_read_is_not_written_to(client: Client, place: Place) -> None:
    blob = client.content_store
    layer = archive([entry("file")])
    with blob.writer("ref") as writer:
        writer.write(layer)
        digest = writer.digest()
        writer.commit(labels=GC_ROOT)
    view = client.snapshot_service("native").view("view", labels=GC_ROOT)
    with pytest.raises(Unknown, match="read-only file system"):
        client.diff_service.apply(Descriptor(LAYER, digest), view)


def test_what_would_have_to_be_mounted_is_refused(client: Client) -> None:
    with client.content_store.writer("ref") as writer:
        writer.write(layer := archive([entry("file")]))
        digest = writer.digest()
        writer.commit(len(layer), labels=GC_ROOT)
    with pytest.raises(Unknown, match=r"failed to mount .*: operation not permitted"):
        client.diff_service.apply(Descriptor(LAYER, digest), [Mount("tmpfs", "tmpfs")])
