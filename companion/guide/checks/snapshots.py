"""Chapter 8, snapshots: what its exercises are held against, on the daemon's own snapshots."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path

from companion.backend.snapshots.overlayfs import OverlaySnapshotter
from companion.client import Client, namespace
from companion.client.rootfs import apply_layer
from companion.core.content import Descriptor
from companion.core.image_config import chain_id
from companion.core.leases import Lease
from companion.core.mounts import Mount
from companion.core.snapshots import Snapshotter
from companion.guide.by_hand import put_layer
from companion.guide.checks.judging import NotYet, expect, judged

Files = Mapping[str, str]
Names = Callable[[Sequence[Sequence[str]]], Collection[str]]
Options = Callable[[str, Sequence[str]], Sequence[str]]

_PLACE, _SNAPSHOTTER = "exercise", "native"
_OF_THE_KERNEL = ("index=off", "userxattr")

BEFORE = {"etc/motd": "hello", "etc/passwd": "root", "doc/README": "read me", "doc/html/index": "index"}
"""What is there before the reader's whiteouts."""

AFTER: tuple[tuple[Files, int], ...] = (
    ({**BEFORE, "etc/shadow": "new"}, 0),
    ({name: text for name, text in BEFORE.items() if name != "etc/motd"}, 1),
    ({name: text for name, text in BEFORE.items() if not name.startswith("doc")}, 1),
    ({"etc/passwd": "root", "doc/README": "read me"}, 2),
)
"""What is there after them, and how many whiteouts that takes."""


@judged
def prediction(client: Client, layers: Sequence[Files], listing: Set[str] | None) -> str:
    """Let the daemon unpack `layers`, and hold the files that are there against the prediction."""
    if not isinstance(listing, Set):
        raise NotYet(f"prediction is {listing!r}, expected a set of paths")
    with _place(client) as snapshots:
        chain = _unpack(client, [put_layer(client, layer) for layer in layers])
        found = _files(_tree(snapshots.view("look", chain)))
    for name in sorted(listing - found):
        raise NotYet(f"{name} is not there: does a layer above take it away, or does it never come there?")
    for name in sorted(found - listing):
        raise NotYet(f"{name} is there too: a whiteout takes away what is below its layer, and nothing else")
    return f"right: {', '.join(sorted(found))}"


@judged
def names(client: Client, naming: Names) -> str:
    """Hold the names that the reader gives to snapshots against those that the daemon gives."""
    with _place(client) as snapshots:
        base, tools, app, old = (put_layer(client, {name: name}) for name in ("base", "tools", "app", "old"))
        images = [[base, tools, app], [base, tools], [old, tools, app], [base, tools, app]]
        given = naming([[layer.digest for layer in image] for image in images])
        for image in images:
            _unpack(client, image)
        found = [info.name for info in snapshots.list()]
    if not isinstance(given, Collection) or isinstance(given, str):
        raise NotYet(f"expected a set of names, got {given!r}")
    for name in sorted(set(given) - set(found)):
        is_diff_id = name in (tools.digest, app.digest)
        hint = ": that is the diff id of a layer, which says nothing of those below" if is_diff_id else ""
        raise NotYet(f"no snapshot has the name {str(name)[:15]}{hint}")
    expect("snapshots that four images need", len(found), len(given))
    return f"right: four images of {sum(map(len, images))} layers need {len(found)} snapshots, by these names"


@judged
def whiteouts(client: Client, finding: Callable[[Path, Path], Iterable[str]]) -> str:
    """Make a layer of the reader's whiteouts, let the daemon unpack it, and look at what is left."""
    for wanted, fewest in AFTER:
        with _place(client) as snapshots, tempfile.TemporaryDirectory() as upper:
            base = put_layer(client, BEFORE)
            lower = _tree(snapshots.view("before", _unpack(client, [base])))
            _fill(Path(upper), wanted)
            found = sorted(finding(lower, Path(upper)) or ())
            layer = put_layer(client, dict.fromkeys(found, ""))
            left = _files(_tree(snapshots.view("after", _unpack(client, [base, layer]))))
        for name in sorted(left & set(BEFORE) - set(wanted)):
            raise NotYet(f"{name} is gone from the tree, and your whiteouts {found} leave it there")
        for name in sorted(set(wanted) & set(BEFORE) - left):
            raise NotYet(f"{name} is still in the tree, and your whiteouts {found} take it away")
        for name in sorted(left - set(BEFORE)):
            raise NotYet(f"{name} is no whiteout: the name of one begins with .wh.")
        if len(found) != fewest:
            why = "as a directory's own takes all with it"
            raise NotYet(f"whiteouts that are enough: {fewest}, {why}; yours are {found}")
    return f"right: {len(AFTER)} layers of whiteouts leave what they should, and no whiteout is one too many"


@judged
def usage(client: Client, measuring: Callable[[Path], tuple[int, int]]) -> str:
    """Hold what the reader measures in the tree of a snapshot against what the daemon says it takes."""
    with _place(client) as snapshots:
        tree = _tree(snapshots.prepare("measured"))
        if not isinstance(measuring(tree), Sequence):
            raise NotYet(f"expected two numbers, bytes and inodes, got {measuring(tree)!r}")
        expect("an empty tree: bytes and inodes", _usage(snapshots), tuple(measuring(tree)))
        _fill(tree, {"doc/README": "x" * 10_000, "etc/motd": "hello"})
        expect("files and directories: bytes and inodes", _usage(snapshots), tuple(measuring(tree)))
        os.link(tree / "doc/README", tree / "doc/LIESMICH")
        expect("a file of two names: bytes and inodes", _usage(snapshots), tuple(measuring(tree)))
        (tree / "link").symlink_to("doc/README")
        (tree / "dangling").symlink_to("nowhere")
        found = _usage(snapshots)
        expect("symbolic links: bytes and inodes", found, tuple(measuring(tree)))
    return f"right: {found[1]} inodes, and as many bytes as the daemon says"


@judged
def overlay(making: Options) -> str:
    """Hold the reader's options against the answers of the snapshotter `overlayfs`; nothing is mounted."""
    with tempfile.TemporaryDirectory() as root:
        snapshotter, below = OverlaySnapshotter(Path(root)), ""
        try:
            for level in range(4):
                (mount,) = snapshotter.prepare("active", below)
                if level:  # the lowest is a bind mount
                    _expect_options(making, f"{root}/snapshots/", mount, level)
                below = f"level {level}"
                snapshotter.commit(below, "active")
        finally:
            snapshotter.close()
    return "right: the options of overlays on one, two and three layers"


def _expect_options(making: Options, root: str, mount: Mount, level: int) -> None:
    """The snapshots of a fresh snapshotter are numbered from 1, each on top of the one before."""
    own, *parents = [f"{root}{number}" for number in range(level + 1, 0, -1)]
    made = making(own, parents)
    if not isinstance(made, Collection) or isinstance(made, str):
        raise NotYet(f"expected a list of options, got {made!r}")
    answered = [option for option in mount.options if option not in _OF_THE_KERNEL]

    def shown(options: Iterable[str]) -> list[str]:
        return sorted(option.replace(root, "") for option in options)

    expect(f"options, layers below: {level}", shown(answered), shown(made))


@contextmanager
def _place(client: Client) -> Iterator[Snapshotter]:
    """The snapshotter of an empty namespace for the block, emptied after it."""
    with namespace(_PLACE):
        try:
            yield client.snapshot_service(_SNAPSHOTTER)
        finally:
            _empty(client)


def _empty(client: Client) -> None:
    snapshots = client.snapshot_service(_SNAPSHOTTER)
    left = list(snapshots.list())
    while left:
        parents = {info.parent for info in left}
        for info in [info for info in left if info.name not in parents]:
            snapshots.remove(info.name)
            left.remove(info)
    for blob in client.content_store.list():
        client.content_store.delete(blob.digest)
    client.leases_service.delete(client.leases_service.create(Lease()), sync=True)


def _unpack(client: Client, layers: Sequence[Descriptor]) -> str:
    """Make snapshots of plain layers; return the name of the topmost."""
    snapshots, diff_ids = client.snapshot_service(_SNAPSHOTTER), [layer.digest for layer in layers]
    for level, layer in enumerate(layers):
        apply_layer(layer, layer.digest, diff_ids[:level], snapshots, client.diff_service)
    return chain_id(diff_ids)


def _tree(mounts: Sequence[Mount]) -> Path:
    """Return the directory that `native` has for a snapshot: it is what a mount of it would show."""
    (mount,) = mounts
    return Path(mount.source)


def _files(tree: Path) -> set[str]:
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


def _fill(tree: Path, files: Files) -> None:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)


def _usage(snapshots: Snapshotter) -> tuple[int, int]:
    usage = snapshots.usage("measured")
    return usage.size, usage.inodes
