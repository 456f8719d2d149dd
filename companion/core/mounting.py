"""Mounting, for those who need to look into a snapshot. containerd: core/mount. It needs root, and Linux."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from companion.core.mounts import Mount

_libc = ctypes.CDLL(None, use_errno=True)

_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE = 1, 32, 4096, 16384

_FLAGS = {
    "ro": _READ_ONLY,
    "rw": 0,
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "bind": _BIND,
    "rbind": _BIND | _RECURSIVE,
}
"""The options that mount(2) takes as flags; the file system gets all others as text."""

_DETACH, _NOFOLLOW = 2, 8


@contextmanager
def mounted(mounts: Sequence[Mount], under: Path | None = None) -> Iterator[Path]:
    """Mount on a temporary directory for the length of the block, made in `under` if that is given.

    Raises `OSError`; what is mounted by then is unmounted again. containerd: mount.WithTempMount.
    """
    root = Path(tempfile.mkdtemp(prefix="containerd-mount", dir=under))
    try:
        with ExitStack() as made:
            for mount in mounts:
                _mount(mount, root / mount.target)
                made.callback(_unmount, root / mount.target)
            yield root
    finally:
        _remove(root, holds_files=not mounts)


def unmount_all(under: Path) -> None:
    """Undo what `mounted` has left in `under` when the process was killed. Raises `OSError`."""
    mount_points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed(mount_points):
        if under.resolve() in Path(_unescaped(point)).parents:
            _unmount(Path(_unescaped(point)), _DETACH)
    # Nothing is mounted there any more, so what is left are files of nobody, written without mounts.
    for root in under.iterdir():
        shutil.rmtree(root)


def _remove(root: Path, holds_files: bool) -> None:
    # With mounts only the directory itself: one that could not be undone would be emptied.
    if holds_files:
        shutil.rmtree(root)
    else:
        root.rmdir()


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)


def _mount(mount: Mount, target: Path) -> None:
    flags = 0
    for option in mount.options:
        flags |= _FLAGS.get(option, 0)
    data = ",".join(option for option in mount.options if option not in _FLAGS)
    if not flags & _BIND:
        _call(mount, target, flags, data)
        return
    _call(mount, target, flags & (_BIND | _RECURSIVE), "")
    # The kernel makes a bind mount with the flags of its source, and changes them in a second step.
    if flags & ~(_BIND | _RECURSIVE):
        _call(mount, target, flags | _REMOUNT, "")


def _call(mount: Mount, target: Path, flags: int, data: str) -> None:
    words = [os.fsencode(word) for word in (mount.source, target, mount.type, data)]
    if _libc.mount(*words[:3], ctypes.c_ulong(flags), words[3]) != 0:
        raise _error(target)


def _unmount(target: Path, flags: int = 0) -> None:
    if _libc.umount2(os.fsencode(target), _NOFOLLOW | flags) != 0:
        raise _error(target)


def _error(target: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(target))
