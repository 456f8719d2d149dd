"""Directory trees: measured, copied, removed. Links in a tree are never followed.

containerd: the package continuity/fs.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from companion.core.snapshots import Usage

_BLOCK = 512
"""The bytes of a block as stat(2) counts them, whatever the file system."""


def disk_usage(path: Path) -> Usage:
    """Return what a tree takes; a file of several names counts once. containerd: fs.DiskUsage."""
    found = path.lstat()
    blocks = {_inode(found): found.st_blocks}
    directories = [os.fspath(path)]
    for directory in directories:  # grows on the way
        # The tree of an active snapshot may change meanwhile, and may hold what this user cannot look into.
        with suppress(FileNotFoundError, PermissionError), os.scandir(directory) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                blocks[_inode(found)] = found.st_blocks
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
    return Usage(sum(blocks.values()) * _BLOCK, len(blocks))


def copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with modes, times, hard links and, as far as permitted, owners, attributes and devices.

    Raises `OSError` for what cannot be read. containerd: fs.CopyDir.
    """
    target.mkdir(mode=0o700)
    names: dict[tuple[int, int], str] = {}
    directories = [(os.fspath(source), os.fspath(target))]
    for directory, copy in directories:  # grows on the way
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    os.mkdir(f"{copy}/{entry.name}", 0o700)
                    directories.append((entry.path, f"{copy}/{entry.name}"))
                else:
                    _copy_file(entry, f"{copy}/{entry.name}", names)
    # A directory may forbid writing, and making something in it changes its times: so its own come last.
    for directory, copy in reversed(directories):
        _copy_attributes(directory, copy, os.lstat(directory))


def remove_tree(path: Path) -> None:
    """Remove a tree, however deep; there may be none. Raises `OSError` for what is in use.

    Directories within directories move up to the top until none is left, so no path grows long, and
    nothing outside is touched even when somebody puts a link in place of a directory meanwhile.
    """
    with suppress(FileNotFoundError):
        top = _open_directory(os.fspath(path), None)
        try:
            while left := os.listdir(top):
                for name in left:
                    _remove_level(name, top)
        finally:
            os.close(top)
        path.rmdir()


def _inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _copy_file(entry: os.DirEntry[str], copy: str, names: dict[tuple[int, int], str]) -> None:
    found = entry.stat(follow_symlinks=False)
    if _inode(found) in names:
        os.link(names[_inode(found)], copy, follow_symlinks=False)
        return
    with _readable(entry.path, found):
        if _make_copy(entry.path, copy, found):
            _copy_attributes(entry.path, copy, found)
            if found.st_nlink > 1:
                names[_inode(found)] = copy


def _make_copy(path: str, copy: str, found: os.stat_result) -> bool:
    """Make a file of the same kind; return False for a device that this user may not make."""
    if stat.S_ISREG(found.st_mode):
        shutil.copyfile(path, copy, follow_symlinks=False)
    elif stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(path), copy)
    else:
        try:
            os.mknod(copy, found.st_mode, found.st_rdev)
        except PermissionError:
            return False
    return True


@contextmanager
def _readable(path: str, found: os.stat_result) -> Iterator[None]:
    """Let its owner read a file for the length of the block; root needs no leave."""
    mode = stat.S_IMODE(found.st_mode)
    if mode & stat.S_IRUSR or not stat.S_ISREG(found.st_mode) or os.geteuid() == 0:
        yield
        return
    os.chmod(path, mode | stat.S_IRUSR)
    try:
        yield
    finally:
        os.chmod(path, mode)


def _copy_attributes(path: str, copy: str, found: os.stat_result) -> None:
    # Before the rest, because a new owner takes away mode bits and capabilities.
    with suppress(PermissionError):
        os.chown(copy, found.st_uid, found.st_gid, follow_symlinks=False)
    shutil.copystat(path, copy, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        os.chmod(copy, stat.S_IMODE(found.st_mode))


def _remove_level(name: str, top: int) -> None:
    try:
        os.unlink(name, dir_fd=top)
    except IsADirectoryError:
        inside = _open_directory(name, top)
        try:
            for child in os.listdir(inside):
                _lift(child, inside, top)
        finally:
            os.close(inside)
        os.rmdir(name, dir_fd=top)


def _lift(name: str, inside: int, top: int) -> None:
    try:
        os.unlink(name, dir_fd=inside)
    except IsADirectoryError:
        os.close(_open_directory(name, inside))
        os.rename(name, uuid4().hex, src_dir_fd=inside, dst_dir_fd=top)


def _open_directory(name: str, parent: int | None) -> int:
    """Open a directory, and allow this user to change what is in it, where its mode does not."""
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        if os.fstat(place).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(f"/proc/self/fd/{place}", stat.S_IRWXU)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place)
    finally:
        os.close(place)
