"""Writes changes as the archive of a layer. containerd: archive.ChangeWriter."""

from __future__ import annotations

import os
import posixpath
import stat
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from companion.backend.diff.changes import CAPABILITY, Change, Kind, capability
from companion.backend.diff.errors import LayerError
from companion.backend.diff.pax import XATTR
from companion.backend.diff.whiteouts import PREFIX
from companion.core.content import CHUNK

_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}
"""What a layer can hold; sockets are not among it."""

_END = bytes(2 * tarfile.BLOCKSIZE)


class ChangeWriter:
    """Turns the changes of the tree `root` into headers and data, given to `write`."""

    def __init__(self, root: Path, write: Callable[[bytes], object]) -> None:
        self._root, self._write = root, write
        self._directories: set[str] = set()
        self._first_names: dict[tuple[int, int], str] = {}
        self._unwritten_names: dict[tuple[int, int], list[str]] = {}

    def write_all(self, changes: Iterable[Change]) -> None:
        """Write an archive. Raises `OSError` for what cannot be read."""
        for change in changes:
            if change.found is None:
                self._write_whiteout(change.path)
            elif stat.S_IFMT(change.found.st_mode) in _TYPES:
                self._write_change(change.path, change.found, change.kind)
        self._write(_END)

    def _write_whiteout(self, path: str) -> None:
        directory, name = posixpath.split(path)
        self._write_parents(path)
        header = tarfile.TarInfo(posixpath.join(directory, f"{PREFIX}{name}"))
        # No time of its own either: so the same changes always make the same layer.
        header.mode = 0
        self._write_header(header)

    def _write_change(self, path: str, found: os.stat_result, kind: Kind) -> None:
        inode = found.st_dev, found.st_ino
        shared = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
        if shared and inode in self._first_names:
            self._write_link(path, found, self._first_names[inode])
        elif kind is not Kind.UNMODIFIED:
            self._write_file(path, found)
            if shared:
                self._first_names[inode] = path
                # Below, these still lead to the old file.
                for name in self._unwritten_names.pop(inode, []):
                    self._write_link(name, found, path)
        elif shared:
            self._unwritten_names.setdefault(inode, []).append(path)

    def _write_link(self, path: str, found: os.stat_result, target: str) -> None:
        self._write_parents(path)
        header = self._header(path, found)
        header.type, header.linkname, header.size = tarfile.LNKTYPE, target, 0
        self._write_header(header)

    def _write_file(self, path: str, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            self._directories.add(path)
        self._write_parents(path)
        header = self._header(path, found)
        self._write_header(header)
        if header.isreg():
            self._write_data(path, header.size)

    def _write_parents(self, path: str) -> None:
        """Write the directories on the way to a path, each once: whoever unpacks makes them as they are."""
        missing = []
        while (path := posixpath.dirname(path)) and path not in self._directories:
            missing.append(path)
        self._directories.update(missing)
        for directory in reversed(missing):
            self._write_header(self._header(directory, os.lstat(self._root / directory)))

    def _header(self, path: str, found: os.stat_result) -> tarfile.TarInfo:
        header = tarfile.TarInfo(path)
        header.type = _TYPES[stat.S_IFMT(found.st_mode)]
        header.mode, header.uid, header.gid = stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid
        header.mtime = int(found.st_mtime_ns // 1_000_000_000)
        if header.isreg():
            header.size = found.st_size
        elif header.issym():
            header.linkname = os.readlink(self._root / path)
        elif header.isdev():
            header.devmajor, header.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
        if (value := capability(self._root / path)) is not None:
            header.pax_headers = {f"{XATTR}{CAPABILITY}": value.decode(errors="surrogateescape")}
        return header

    def _write_header(self, header: tarfile.TarInfo) -> None:
        self._write(header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))

    def _write_data(self, path: str, size: int) -> None:
        """Write so many bytes of a file, and no others: it may grow or shrink meanwhile."""
        left = size
        with open(self._root / path, "rb", buffering=0, opener=_no_follow) as file:
            while left and (data := file.read(min(left, CHUNK))):
                left -= len(data)
                self._write(data)
        if left:
            raise LayerError(f"{path}: file has become shorter")
        self._write(bytes(-size % tarfile.BLOCKSIZE))


def _no_follow(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
