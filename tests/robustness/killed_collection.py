"""A process that collects garbage and ends itself on the way, as kill -9 would.

Arguments: a directory, and the line of the companion's code at which it ends, as in `killed_snapshots`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from companion.backend.content.store import BlobStore
from companion.backend.snapshots.native import NativeSnapshotter
from companion.core import labels
from companion.core.content import Store
from companion.core.leases import Lease, Manager, lease
from companion.core.namespaces import namespace
from companion.core.snapshots import Snapshotter
from companion.store.leases import LeaseManager
from companion.store.metadata import Metadata
from tests.robustness.killed_snapshots import lines


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


@dataclass(frozen=True)
class Stores:
    """What is collected from, and whom it belongs to."""

    metadata: Metadata
    blobs: BlobStore
    trees: NativeSnapshotter

    @property
    def leases(self) -> LeaseManager:
        return LeaseManager(self.metadata)


@contextmanager
def opened(content: Path, native: Path, database: Path) -> Iterator[Stores]:
    """The stores of a daemon that keeps its things there."""
    trees = NativeSnapshotter(native)
    try:
        blobs = BlobStore(content)
        with Metadata(database, blobs, {"native": trees}) as metadata:
            yield Stores(metadata, blobs, trees)
    finally:
        trees.close()


def made(store: Store, snapshotter: Snapshotter, name: str) -> None:
    """Make two blobs, of which one refers to the other, an ingest, and a snapshot on top of another."""
    for data in (f"{name} child", f"{name} parent"):
        with store.writer(f"{data} {name}") as writer:
            writer.write(data.encode())
            writer.commit(labels={f"{labels.GC_REF_CONTENT}.0": digest(f"{name} child".encode())})
    with store.writer(f"{name} ingest") as writer:
        writer.write(b"so far")
    snapshotter.prepare(f"{name} key")
    snapshotter.commit(f"{name} base", f"{name} key")
    snapshotter.prepare(f"{name} top", f"{name} base")


def verify(store: Store, snapshotter: Snapshotter, name: str) -> None:
    """Hold that all of it is there, whole."""
    for data in (f"{name} child", f"{name} parent"):
        with store.reader_at(digest(data.encode())) as blob:
            assert blob.read() == data.encode()
    assert store.status(f"{name} ingest").offset == len(b"so far")
    assert snapshotter.stat(f"{name} top").parent == f"{name} base"
    assert snapshotter.usage(f"{name} base").inodes == 1
    (mount,) = snapshotter.mounts(f"{name} top")
    assert Path(mount.source).is_dir()


def held(manager: Manager, store: Store, snapshotter: Snapshotter, name: str) -> None:
    """Make it under a lease of that name."""
    manager.create(Lease(name))
    with lease(name):
        made(store, snapshotter, name)


def main(directory: str, last: str) -> None:
    """Make what is kept and what is not, and collect."""
    place = Path(directory)
    with opened(place / "content", place / "native", place / "meta.db") as stores, namespace("test"):
        snapshotter = stores.metadata.snapshotter("native")
        for name in ("kept", "gone"):
            held(stores.leases, stores.metadata.content_store, snapshotter, name)
        stores.leases.delete(Lease("gone"))
        print(lines(stores.metadata.garbage_collect, int(last)))


if __name__ == "__main__":
    main(*sys.argv[1:])
