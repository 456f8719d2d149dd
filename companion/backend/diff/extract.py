"""Unpacks the entries of an archive below a root. containerd: the function applyNaive of pkg/archive."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from companion.backend.diff import tar
from companion.backend.diff.attributes import copy_attributes, set_attributes, set_times, where_permitted
from companion.backend.diff.errors import LayerError
from companion.backend.diff.root import Place, Root, cleaned
from companion.backend.diff.sparse import Extent
from companion.backend.diff.stream import require_below
from companion.backend.diff.tar import Archive, Entry
from companion.backend.diff.whiteouts import PREFIX, Whiteouts, apply_whiteout
from companion.core.errors import shown

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPERATIONS = {tar.REGULAR: "open", tar.DIRECTORY: "mkdir", tar.SYMLINK: "symlink", tar.LINK: "link"}
_DEVICES = {tar.CHARACTER: stat.S_IFCHR, tar.BLOCK: stat.S_IFBLK}


class Extractor:
    """Puts entries into a tree. `lowers` are the layers below it, where they are no part of it.

    The files of the tree take no more than `limit` bytes in all, holes included (0: any number).
    """

    def __init__(self, root: Root, whiteouts: Whiteouts, lowers: Sequence[Root] = (), limit: int = 0) -> None:
        self._root, self._whiteouts, self._lowers = root, whiteouts, lowers
        self._limit, self._size = limit, 0
        self._written: set[str] = set()
        self._directories: dict[str, Entry] = {}
        self._opened_up: dict[str, int] = {}

    def extract(self, archive: Archive) -> None:
        """Unpack all entries. Raises `LayerError`, `OSError`, and `ResourceExhausted` beyond the limit."""
        for entry in archive:
            directory, base = posixpath.split(cleaned(entry.name))
            if base:  # the root itself is not the layer's
                place = self._parent(directory)
                try:
                    self._place(archive, entry, place, base)
                except OSError as error:
                    raise self._told(error, entry, place, base) from error
        self._finish_directories()

    def _parent(self, directory: str) -> Place:
        try:
            place = self._root.directory(directory, self._make_parent)
        except OSError as error:
            text = (error.strerror or "").lower()
            raise LayerError(f"mkparent {self._root.path}/{shown(error.filename)}: {text}") from error
        self._open_up(place)
        return place

    def _told(self, error: OSError, entry: Entry, place: Place, base: str) -> LayerError:
        """Return an error as containerd tells it: what was to be made, where, and what was in the way."""
        names = [cleaned(entry.link)] if entry.type == tar.LINK else []
        paths = [f"{self._root.path}/{shown(name)}" for name in (*names, place.below(base))]
        made = _OPERATIONS.get(entry.type, "mknod")
        return LayerError(f"{made} {' '.join(paths)}: {(error.strerror or '').lower()}")

    def _place(self, archive: Archive, entry: Entry, place: Place, base: str) -> None:
        if base.startswith(PREFIX):
            apply_whiteout(self._whiteouts, place, entry, base, self._written)
        elif self._make(archive, place, base, entry):
            set_attributes(place, base, entry)
            self._note(place.below(base), entry)

    def _make(self, archive: Archive, place: Place, base: str, entry: Entry) -> bool:
        """Make the file of an entry, in place of any other; return False for one that is left out."""
        match entry.type:
            case tar.REGULAR:
                self._new(place, base, lambda: self._make_file(archive, place, base, entry))
            case tar.DIRECTORY:
                self._make_directory(place, base)
            case tar.SYMLINK:
                self._new(place, base, lambda: os.symlink(entry.link, base, dir_fd=place.descriptor))
            case tar.LINK:
                self._make_link(place, base, entry)
            case tar.CHARACTER | tar.BLOCK | tar.FIFO:
                return self._make_node(place, base, entry)
            case type:
                raise LayerError(f"unhandled tar header type {ord(type)}")
        return True

    def _new(self, place: Place, base: str, make: Callable[[], object]) -> None:
        """Make something, and if there is something of this name, remove that first."""
        try:
            make()
        except FileExistsError:
            self._root.remove(place, base)
            make()

    def _make_file(self, archive: Archive, place: Place, base: str, entry: Entry) -> None:
        descriptor = os.open(base, _NEW_FILE, 0o600, dir_fd=place.descriptor)
        try:
            self._size += entry.size
            require_below(self._limit, self._size)
            if entry.extents is None:
                _write(descriptor, archive.data(entry.size))
            else:
                _write_extents(descriptor, archive, entry.extents, entry.size)
        finally:
            os.close(descriptor)

    def _make_directory(self, place: Place, base: str) -> None:
        try:
            os.mkdir(base, 0o700, dir_fd=place.descriptor)
        except FileExistsError:
            found = os.stat(base, dir_fd=place.descriptor, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                self._root.remove(place, base)
                os.mkdir(base, 0o700, dir_fd=place.descriptor)

    def _make_link(self, place: Place, base: str, entry: Entry) -> None:
        directory, name = posixpath.split(cleaned(entry.link))
        with self._root.opened(directory) as target:
            places = {"src_dir_fd": target.descriptor, "dst_dir_fd": place.descriptor}
            self._new(place, base, lambda: os.link(name, base, **places, follow_symlinks=False))

    def _make_node(self, place: Place, base: str, entry: Entry) -> bool:
        kind = _DEVICES.get(entry.type)
        mode, device = kind or stat.S_IFIFO, os.makedev(entry.major, entry.minor) if kind else 0
        with where_permitted():
            self._new(place, base, lambda: os.mknod(base, mode | 0o600, device, dir_fd=place.descriptor))
            return True
        return False

    def _make_parent(self, place: Place, name: str) -> None:
        """Make a directory that the layer takes for granted, as it is in the layers below."""
        os.mkdir(name, dir_fd=place.descriptor)
        os.chmod(name, 0o755, dir_fd=place.descriptor)
        for lower in self._lowers:
            try:
                with lower.opened(place.below(name)) as found:
                    copy_attributes(found, place, name)
                    break
            except FileNotFoundError:
                continue
            except NotADirectoryError:  # it has been replaced
                break

    def _note(self, path: str, entry: Entry) -> None:
        """Remember what this layer has written: for opaque directories, and for times set at the end."""
        self._directories.pop(path, None)
        if entry.type == tar.DIRECTORY:
            self._directories[path] = entry
        while path and path not in self._written:
            self._written.add(path)
            path = posixpath.dirname(path)

    def _finish_directories(self) -> None:
        """Set the times of directories, which all that is made in them changes, and modes that forbid it."""
        for path, entry in self._directories.items():
            with suppress(FileNotFoundError, NotADirectoryError), self._root.opened(path) as place:
                set_times(place, ".", entry)
        for path, mode in reversed(self._opened_up.items()):
            with suppress(FileNotFoundError, NotADirectoryError), self._root.opened(path) as place:
                os.chmod(place.file("."), mode)

    def _open_up(self, place: Place) -> None:
        """Let this user make files in a directory until the layer is unpacked; root needs no leave."""
        if os.geteuid() == 0:
            return
        mode = stat.S_IMODE(os.stat(place.descriptor).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            self._opened_up[place.path] = mode
            os.chmod(place.file("."), mode | stat.S_IRWXU)


def _write(descriptor: int, pieces: Iterable[memoryview]) -> None:
    for piece in pieces:
        rest = piece
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _write_extents(descriptor: int, archive: Archive, extents: Sequence[Extent], size: int) -> None:
    for extent in extents:
        os.lseek(descriptor, extent.offset, os.SEEK_SET)
        _write(descriptor, archive.data(extent.length))
    os.ftruncate(descriptor, size)
