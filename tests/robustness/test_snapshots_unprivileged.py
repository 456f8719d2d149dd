"""Snapshots of a daemon that runs as an ordinary user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.errors import InvalidArgument
from companion.core.snapshots import Kind
from tests.notebooks.test_unprivileged import GID, UID, as_ordinary_user
from tests.robustness.place import Place

OWNER = (UID, GID) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    """A client of a daemon that has no privileges."""
    os.chown(place.directory, *OWNER)
    with place.daemon(before=as_ordinary_user()), place.client() as client:
        yield client


def own(tree: Path) -> None:
    """Give all in a tree to the daemon's user."""
    for path in [tree, *tree.rglob("*")]:
        os.chown(path, *OWNER, follow_symlinks=False)


def test_native_keeps_trees(client: Client, place: Place) -> None:
    snapshotter = client.snapshot_service("native")
    (mount,) = snapshotter.prepare("key")
    tree = Path(mount.source)
    assert (tree.stat().st_uid, tree.stat().st_gid) == OWNER
    (tree / "directory").mkdir()
    (tree / "directory/file").write_text("text")
    os.link(tree / "directory/file", tree / "link")
    own(tree)
    (tree / "link").chmod(0o4711)
    (tree / "directory").chmod(0o555)
    snapshotter.commit("base", "key")
    (mount,) = snapshotter.prepare("key", "base")
    copy = Path(mount.source)
    assert (copy / "link").read_text() == "text"
    assert (copy / "link").samefile(copy / "directory/file")
    assert [(copy / name).stat().st_mode & 0o7777 for name in ("link", "directory")] == [0o4711, 0o555]
    assert snapshotter.usage("key") == snapshotter.usage("base")
    assert [(info.name, info.kind) for info in snapshotter.list()] == [
        ("base", Kind.COMMITTED),
        ("key", Kind.ACTIVE),
    ]


def test_overlayfs_is_skipped(client: Client) -> None:
    with pytest.raises(InvalidArgument) as caught:
        client.snapshot_service("overlayfs").prepare("key")
    assert str(caught.value) == "snapshotter not loaded: overlayfs: invalid argument"
    (plugin,) = client.introspection_service.plugins("id==overlayfs")
    assert plugin.init_error is not None
    assert plugin.init_error.message.startswith("overlayfs is not supported on ")
    assert plugin.init_error.message.endswith(" (mount overlay: operation not permitted): skip plugin")
    (plugin,) = client.introspection_service.plugins("id==native")
    assert plugin.init_error is None


def test_directories_are_closed_to_others(client: Client, place: Place) -> None:
    client.snapshot_service("native").prepare("key")
    root = place.root / "io.containerd.snapshotter.v1.native"
    assert [path.stat().st_mode & 0o777 for path in (place.root, root, root / "snapshots")] == [0o700] * 3
