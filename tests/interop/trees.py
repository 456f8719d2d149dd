"""Trees compared: everything that tells two file systems apart, path by path."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Node:
    """What is known of one path. `same_as` is the first path of the same inode, `size` and `digest` a file's.

    `mtime` is in nanoseconds; a `target` is that of a link, a `device` has its two numbers.
    """

    kind: str
    mode: str
    owner: tuple[int, int]
    links: int
    same_as: str
    mtime: int | None
    size: int = 0
    digest: str = ""
    target: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: dict[str, bytes] = field(default_factory=dict)


KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}

NOTES = {f"trusted.overlay.{name}" for name in ("uuid", "impure", "origin")}
"""Attributes that the kernel makes for itself in the layers of an overlay."""


def described(root: Path, untimed: Collection[str] = ()) -> dict[str, Node]:
    """Return all that is in a tree by path, the root as `.`.

    The times of the paths `untimed` are left out: those of directories that a layer has no entry for.
    """
    nodes: dict[str, Node] = {}
    inodes: dict[tuple[int, int], str] = {}
    for path in sorted([root, *_below(root)]):
        name = os.path.relpath(path, root)
        nodes[name] = _node(path, name, name not in untimed, inodes)
    return nodes


def differences(ours: dict[str, Node], theirs: dict[str, Node]) -> list[str]:
    """Return a line for each path that is not the same in two trees."""
    return [
        f"{name!r}: {ours.get(name)} != {theirs.get(name)}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]


def _below(root: Path) -> list[Path]:
    found = []
    for directory, directories, files in os.walk(root):
        found += [Path(directory, name) for name in (*directories, *files)]
    return found


def _node(path: Path, name: str, timed: bool, inodes: dict[tuple[int, int], str]) -> Node:
    found = path.lstat()
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    content = path.read_bytes() if kind == "file" and found.st_size < 1 << 30 else b""
    return Node(
        kind=kind,
        mode=f"{stat.S_IMODE(found.st_mode):04o}",
        owner=(found.st_uid, found.st_gid),
        # How many links a directory counts is the file system's business.
        links=0 if kind == "directory" else found.st_nlink,
        same_as=inodes.setdefault((found.st_dev, found.st_ino), name),
        mtime=found.st_mtime_ns if timed else None,
        size=found.st_size if kind == "file" else 0,
        digest=hashlib.sha256(content).hexdigest() if content else "",
        target=os.readlink(path) if kind == "symlink" else "",
        device=(os.major(found.st_rdev), os.minor(found.st_rdev)),
        xattrs={
            key: os.getxattr(path, key, follow_symlinks=False)
            for key in os.listxattr(path, follow_symlinks=False)
            if key not in NOTES
        },
    )
