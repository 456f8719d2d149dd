"""Finds what leads from one tree to another, by a walk through both. containerd: fs.Changes."""

from __future__ import annotations

import enum
import errno
import filecmp
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SECOND = 1_000_000_000
CAPABILITY = "security.capability"
"""The one extended attribute that belongs to a layer."""


class Kind(enum.Enum):
    """What has happened to a path."""

    UNMODIFIED = enum.auto()
    ADDED = enum.auto()
    MODIFIED = enum.auto()
    DELETED = enum.auto()


@dataclass(frozen=True, slots=True)
class Change:
    """A path below the root, and what has happened to it; `found` is what is there now, if anything is."""

    kind: Kind
    path: str
    found: os.stat_result | None = None


def changes(lower: Path, upper: Path) -> Iterator[Change]:
    """Yield all paths that are in `upper`, and those that it no longer has, parents before children, by name.

    Of a tree that is gone only its root is told.
    """
    ahead = _children("", lower, upper)
    while ahead:
        path, before, after = ahead.pop()
        if after is None:
            yield Change(Kind.DELETED, path)
            continue
        yield Change(_kind(lower, upper, path, before, after), path, after)
        if stat.S_ISDIR(after.st_mode):
            both = before is not None and stat.S_ISDIR(before.st_mode)
            ahead += _children(path, lower if both else None, upper)


_Pair = tuple[str, os.stat_result | None, os.stat_result | None]


def _children(path: str, lower: Path | None, upper: Path) -> list[_Pair]:
    """Return what a directory has in the two trees, the last name first."""
    before = _listed(lower / path) if lower is not None else {}
    after = _listed(upper / path)
    names = sorted(before | after, key=os.fsencode, reverse=True)
    return [(f"{path}/{name}" if path else name, before.get(name), after.get(name)) for name in names]


def _listed(directory: Path) -> dict[str, os.stat_result]:
    with os.scandir(directory) as entries:
        return {entry.name: entry.stat(follow_symlinks=False) for entry in entries}


def _kind(lower: Path, upper: Path, path: str, before: os.stat_result | None, after: os.stat_result) -> Kind:
    if before is None:
        return Kind.ADDED
    if os.path.samestat(before, after) or _same(lower / path, upper / path, before, after):
        return Kind.UNMODIFIED
    return Kind.MODIFIED


def _same(old: Path, new: Path, before: os.stat_result, after: os.stat_result) -> bool:
    """Return whether nothing has happened to a file: where size and times say so, its bytes are not read."""
    if _owned(before) != _owned(after) or capability(old) != capability(new):
        return False
    if stat.S_ISDIR(after.st_mode):
        return True
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return False
    # Where both times have been cut to seconds they say nothing of what happened within one.
    return after.st_mtime_ns % _SECOND != 0 or _same_content(old, new, after)


def _same_content(old: Path, new: Path, after: os.stat_result) -> bool:
    if stat.S_ISLNK(after.st_mode):
        return os.readlink(old) == os.readlink(new)
    return not stat.S_ISREG(after.st_mode) or filecmp.cmp(old, new, shallow=False)


def _owned(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_mode, found.st_uid, found.st_gid, found.st_rdev


def capability(path: Path) -> bytes | None:
    """Return what a program may do when it runs, if it may do more than its user."""
    try:
        return os.getxattr(path, CAPABILITY, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        return None
