"""What a file has beside its bytes: owner, extended attributes, mode and times."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from companion.backend.diff.root import Place
from companion.backend.diff.tar import LINK, SYMLINK, Entry

_log = logging.getLogger(__name__)

_MODE = 0o7777
_LATEST = 1 << 63

_OVERLAY = "trusted.overlay."


def set_attributes(place: Place, name: str, entry: Entry) -> None:
    """Give a file what its entry says. Raises `OSError`; without privileges it does what is permitted.

    The order matters: a new owner takes away mode bits and capabilities.
    """
    with where_permitted():
        os.chown(name, entry.uid, entry.gid, dir_fd=place.descriptor, follow_symlinks=False)
    for key, value in entry.xattrs.items():
        _set_xattr(place.file(name), key, value)
    if not _is_symlink(place, name, entry):
        os.chmod(name, entry.mode & _MODE, dir_fd=place.descriptor)
    set_times(place, name, entry)


def set_times(place: Place, name: str, entry: Entry) -> None:
    """Set the times of a file; it was used no earlier than it was changed."""
    times = _in_range(max(entry.atime, entry.mtime)), _in_range(entry.mtime)
    os.utime(name, ns=times, dir_fd=place.descriptor, follow_symlinks=False)


def copy_attributes(source: Place, place: Place, name: str) -> None:
    """Give a directory what another one has."""
    found = os.stat(source.descriptor)
    path = source.file(".")
    os.chown(name, found.st_uid, found.st_gid, dir_fd=place.descriptor)
    os.chmod(name, found.st_mode & _MODE, dir_fd=place.descriptor)
    for key in os.listxattr(path):
        if not key.startswith(_OVERLAY):
            os.setxattr(place.file(name), key, os.getxattr(path, key), follow_symlinks=False)
    os.utime(name, ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=place.descriptor)


@contextmanager
def where_permitted() -> Iterator[None]:
    """Leave out what this user may not do; root may do all, so for root it is an error."""
    try:
        yield
    except PermissionError:
        if os.geteuid() == 0:
            raise


def _set_xattr(path: str, key: str, value: bytes) -> None:
    # Attributes of this kind steer overlays: they are no business of a layer.
    if key.startswith("trusted."):
        _log.warning("ignored xattr %s in archive", key)
        return
    try:
        with where_permitted():
            os.setxattr(path, key, value, follow_symlinks=False)
    except OSError as error:
        # The kernel keeps those of users from all but files and directories.
        if error.errno != errno.ENOTSUP and not (error.errno == errno.EPERM and key.startswith("user.")):
            raise
        _log.warning("ignored xattr %s in archive", key)


def _is_symlink(place: Place, name: str, entry: Entry) -> bool:
    """Return whether a change of the mode would reach through a link, out of the tree."""
    if entry.type != LINK:
        return entry.type == SYMLINK
    return stat.S_ISLNK(os.stat(name, dir_fd=place.descriptor, follow_symlinks=False).st_mode)


def _in_range(nanoseconds: int) -> int:
    return nanoseconds if 0 <= nanoseconds < _LATEST else 0
