"""Layers unpacked by both daemons make the same trees, and the same trees make the same layers."""

from __future__ import annotations

import io
import os
import random
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.blobs import read_blob, write_blob
from companion.core.content import Descriptor
from companion.core.errors import Unknown
from companion.core.mounting import mounted
from companion.core.mounts import Mount
from tests.daemons import DaemonProcess
from tests.interop.conftest import connect, new_namespace
from tests.interop.trees import Node, described, differences
from tests.robustness.layers import (
    GC_ROOT,
    LAYER,
    Entry,
    archive,
    directory,
    entry,
    gzipped,
    hard_link,
    symlink,
)

pytestmark = [pytest.mark.interop, pytest.mark.overlayfs]

SNAPSHOTTERS = ["overlayfs", "native"]

CAPABILITY = "\1\0\0\2" + "\0\x20\0\0" + "\0" * 12
LONG = "long" * 60


def base() -> list[Entry]:
    return [
        directory("bin", mode=0o755, mtime=1_000_000_000.25),
        entry("bin/su", data=b"su", mode=0o4755, mtime=999),
        entry("bin/wall", data=b"wall", mode=0o2755, gid=5),
        entry("bin/ping", data=b"ping", pax_headers={"SCHILY.xattr.security.capability": CAPABILITY}),
        hard_link("bin/ping6", "bin/ping"),
        hard_link("/bin/su2", "./bin/su"),
        symlink("sbin", "bin"),
        symlink("absolute", "/bin/su"),
        directory("tmp", mode=0o1777, mtime=5),
        directory("closed", mode=0, uid=12, gid=34),
        entry("closed/inside", data=b"x" * 70_000, mode=0),
        entry("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        entry("dev/disk", tarfile.BLKTYPE, devmajor=259, devminor=70_000, gid=6, mode=0o660),
        entry("dev/pipe", tarfile.FIFOTYPE, mode=0o600, uid=70_000, gid=4_000_000_000),
        entry(f"{LONG}/{LONG}", data=b"long"),
        symlink("to long", f"{LONG}/{LONG}"),
        entry(os.fsdecode(b"\xff\xfe"), data=b"not UTF-8"),
        entry("new\nline", data=b""),
        entry("user", pax_headers={"SCHILY.xattr.user.a": "1", "SCHILY.xattr.user.b": "line\nline"}),
        entry("old", mtime=-5),
        entry("future", mtime=4_102_444_800),
        entry("used", data=b"u", mtime=10, pax_headers={"atime": "20.5"}),
    ]


def middle() -> list[Entry]:
    return [
        entry("sbin/through", data=b"a link of the layer below"),
        entry("bin/.wh.wall"),
        entry(".wh.absolute"),
        directory("tmp", mode=0o700, uid=1, mtime=7),
        entry("tmp/file", data=b"now a file"),
        entry("closed/second", data=b"in a closed directory"),
        entry("dev/null", data=b"a file in place of a device"),
        directory("old", mtime=8),
        entry("old/inner", data=b"in a directory that was a file"),
        entry("deep/er/and/deeper", data=b"parents without entries"),
        hard_link("deep/link", "deep/er/and/deeper"),
    ]


def top() -> list[Entry]:
    return [
        entry("deep/er/.wh..wh..opq"),
        entry("deep/er/alone", data=b"alone"),
        entry(".wh.old"),
        symlink("tmp", "closed"),
        entry("bin/su", data=b"another su", mode=0o755),
        entry("user", data=b"without attributes"),
    ]


def at_random(seed: int) -> list[Entry]:
    """Entries of a few names, so that they meet one another again and again."""
    chance = random.Random(seed)

    def name() -> str:
        return "/".join(chance.choices("abc", k=chance.randint(1, 3)))

    def any_entry() -> Entry:
        match chance.randrange(8):
            case 0 | 1:
                return entry(
                    name(), data=chance.randbytes(chance.randrange(2000)), mtime=chance.randrange(99)
                )
            case 2 | 3:
                return directory(name(), mode=chance.choice([0o700, 0o755, 0o1777]), uid=chance.randrange(3))
            case 4:
                return symlink(name(), chance.choice(["a", "/b", "../c", "b/../a", "nowhere"]))
            case 5:
                return entry(name(), tarfile.FIFOTYPE, mode=0o640)
            case 6:
                return hard_link(name(), name())
        path = name().rpartition("/")
        return entry(f"{path[0]}{path[1]}.wh.{path[2]}")

    return [any_entry() for _ in range(chance.randint(3, 12))]


CHAINS: dict[str, list[list[Entry]]] = {
    "one": [base()],
    "two": [base(), middle()],
    "three": [base(), middle(), top()],
}


def unpack(client: Client, layer: bytes, mounts: Sequence[Mount]) -> str:
    """Unpack a layer onto mounts; return the digest of its archive."""
    digest = f"sha256:{sha256(layer).hexdigest()}"
    write_blob(client.content_store, digest, io.BytesIO(layer), size=len(layer), labels=GC_ROOT)
    return client.diff_service.apply(Descriptor(f"{LAYER}+gzip", digest, len(layer)), mounts).digest


def chain(client: Client, name: str, layers: Sequence[list[Entry]]) -> tuple[Sequence[Mount], str]:
    """Unpack layers on one another; return the mounts of the last, and the name of the one below."""
    snapshotter, parent = client.snapshot_service(name), ""
    for number, entries in enumerate(layers):
        mounts = snapshotter.prepare(f"key {number}", parent, GC_ROOT)
        plain = archive(entries)
        assert unpack(client, gzipped(plain), mounts) == f"sha256:{sha256(plain).hexdigest()}"
        if number < len(layers) - 1:
            parent = f"name {number}"
            snapshotter.commit(parent, f"key {number}", GC_ROOT)
    return mounts, parent


def timed(nodes: dict[str, Node], entries: list[Entry]) -> dict[str, Node]:
    """Leave out the times that no entry tells: of the marks of overlays, and of directories.

    containerd copies directories without their times.
    """
    told = {header.name.strip("./") for header, _ in entries if header.isdir()}

    def tells(name: str, node: Node) -> bool:
        if node.kind == "directory":
            return name in told
        return (node.kind, node.device) != ("character device", (0, 0))

    return {name: node if tells(name, node) else replace(node, mtime=None) for name, node in nodes.items()}


def trees(client: Client, name: str, layers: Sequence[list[Entry]]) -> Iterator[dict[str, Node]]:
    """Yield what the mounts show, and what the directory of the last layer itself has."""
    mounts, _ = chain(client, name, layers)
    with mounted(mounts) as tree:
        yield timed(described(tree), layers[-1])
    own = [option.partition("=")[2] for option in mounts[0].options if option.startswith("upperdir=")]
    yield timed(described(Path(own[0] if own else mounts[0].source)), layers[-1])


@pytest.mark.parametrize("snapshotter", SNAPSHOTTERS)
@pytest.mark.parametrize("name", CHAINS)
def test_the_trees_are_the_same(
    name: str, snapshotter: str, companion: DaemonProcess, containerd: DaemonProcess
) -> None:
    with connect(companion, new_namespace()) as ours, connect(containerd, new_namespace()) as theirs:
        pairs = zip(
            trees(ours, snapshotter, CHAINS[name]), trees(theirs, snapshotter, CHAINS[name]), strict=True
        )
        for our_tree, their_tree in pairs:
            assert differences(our_tree, their_tree) == []
            assert len(our_tree) > 5


@pytest.mark.parametrize("snapshotter", SNAPSHOTTERS)
@pytest.mark.parametrize("seed", range(20))
def test_layers_at_random_have_the_same_outcome(
    seed: int, snapshotter: str, companion: DaemonProcess, containerd: DaemonProcess
) -> None:
    """But containerd refuses a layer with a directory that is gone at its end; ours sets no times then."""
    ours = outcome(companion, snapshotter, at_random(seed))
    theirs = outcome(containerd, snapshotter, at_random(seed))
    if theirs is None:
        assert ours is None or any(header.isdir() for header, _ in at_random(seed))
    else:
        assert ours is not None
        assert differences(ours, theirs) == []


def outcome(daemon: DaemonProcess, snapshotter: str, layer: list[Entry]) -> dict[str, Node] | None:
    """Return the tree that a layer makes; None where it is refused."""
    with connect(daemon, new_namespace()) as client:
        mounts = client.snapshot_service(snapshotter).prepare("key", labels=GC_ROOT)
        try:
            unpack(client, gzipped(archive(layer)), mounts)
        except Unknown:
            return None
        with mounted(mounts) as tree:
            return timed(described(tree), layer)


def listed(client: Client, snapshotter: str) -> list[tuple[object, ...]]:
    """Return the entries of the layer that leads from the second of three layers to the third."""
    mounts, parent = chain(client, snapshotter, CHAINS["three"])
    lower = client.snapshot_service(snapshotter).view("view", parent, GC_ROOT)
    made = client.diff_service.compare(lower, mounts, media_type=LAYER)
    blob = read_blob(client.content_store, made.digest)
    with tarfile.open(fileobj=io.BytesIO(blob), errors="surrogateescape") as layer:
        return [_told(header) for header in layer]


def _told(header: tarfile.TarInfo) -> tuple[object, ...]:
    # Whiteouts get the time of day, and copied directories of native too.
    time = 0 if header.isdir() or ".wh." in header.name else header.mtime
    attributes = {key: value for key, value in header.pax_headers.items() if key.startswith("SCHILY")}
    where = (header.devmajor, header.devminor, header.linkname)
    return header.name, header.type, header.mode, header.uid, header.gid, header.size, time, where, attributes


@pytest.mark.parametrize("snapshotter", SNAPSHOTTERS)
def test_the_layers_made_are_the_same(
    snapshotter: str, companion: DaemonProcess, containerd: DaemonProcess
) -> None:
    with connect(companion, new_namespace()) as ours, connect(containerd, new_namespace()) as theirs:
        made = listed(ours, snapshotter)
        assert made == listed(theirs, snapshotter)
        assert len(made) > 5


@pytest.mark.parametrize("snapshotter", SNAPSHOTTERS)
def test_what_is_made_can_be_unpacked_again(snapshotter: str, companion: DaemonProcess) -> None:
    with connect(companion, new_namespace()) as client:
        mounts, parent = chain(client, snapshotter, CHAINS["three"])
        views = client.snapshot_service(snapshotter)
        made = client.diff_service.compare(views.view("view", parent, GC_ROOT), mounts, labels=GC_ROOT)
        again = views.prepare("again", parent, GC_ROOT)
        assert client.diff_service.apply(made, again).digest != made.digest
        with mounted(mounts) as tree, mounted(again) as copy:
            untimed = [name for name, node in described(tree).items() if node.kind == "directory"]
            assert differences(described(copy, untimed), described(tree, untimed)) == []
