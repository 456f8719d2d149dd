"""The root file system of a container, as its client sees it, and files in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from errno import EINVAL, ELOOP
from pathlib import Path
from typing import TYPE_CHECKING

from companion.client.oci.spec import Spec
from companion.core.containers import Container
from companion.core.documents import read_bounded
from companion.core.errors import Error, FailedPrecondition, InvalidArgument
from companion.core.mounting import mounted
from companion.core.mounts import Mount

if TYPE_CHECKING:
    from companion.client.client import Client

MAX_SIZE = 1 << 20
"""The largest file that is read, in bytes."""

MAX_LINKS = 255
"""How many symbolic links may lead to a file."""

# Linux alone can pass through a directory that may not be listed.
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
_STEP = _DIRECTORY | os.O_NOFOLLOW
# A pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def root_of(client: Client, container: Container, spec: Spec) -> Iterator[Path]:
    """Show the container's snapshot as a directory for the block; without one it is the spec's root path.

    Client and daemon must share a host. Needs root, unless the snapshot is a plain directory.
    Raises `FailedPrecondition` when the container has neither, `NotFound`, `OSError` when mounting fails.
    An error of the block says that it came from there. containerd: mount.WithTempMount.
    """
    if not container.snapshotter and not container.snapshot_key:
        yield _absolute(spec)
        return
    if not container.snapshotter:
        raise FailedPrecondition("no snapshotter set for container")
    if not container.snapshot_key:
        raise FailedPrecondition("rootfs snapshot not created for container")
    mounts = client.snapshot_service(container.snapshotter).mounts(container.snapshot_key)
    with _visible(mounts) as root:
        try:
            yield root
        except Error as error:
            raise error.wrap(f"mount callback failed on {root}") from error


def read_in(root: Path, path: str) -> bytes:
    """Return a file below `root`; symbolic links lead where they would if `root` were `/`.

    Raises `OSError`, `InvalidArgument` for what is no regular file, `ResourceExhausted` for a large one.
    """
    with ExitStack() as opened:
        descriptor = _open_in(root, path, opened)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidArgument(f"{path} is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return read_bounded(file, path, MAX_SIZE)


def _absolute(spec: Spec) -> Path:
    path = spec.get("root", {}).get("path", "")
    if not os.path.isabs(path):
        raise FailedPrecondition("rootfs absolute path is required")
    return Path(path)


@contextmanager
def _visible(mounts: Sequence[Mount]) -> Iterator[Path]:
    if len(mounts) == 1 and mounts[0].type == "bind" and not mounts[0].target:
        yield Path(mounts[0].source)
        return
    with mounted([replace(mount, options=(*mount.options, "ro")) for mount in mounts]) as root:
        yield root


def _open_in(root: Path, path: str, opened: ExitStack) -> int:
    """Walk by descriptors: whatever changes in the tree meanwhile, no step leads out of it."""

    def enter(name: str | Path, flags: int, parent: int | None = None) -> int:
        descriptor = os.open(name, flags, dir_fd=parent)
        opened.callback(os.close, descriptor)
        return descriptor

    above = [enter(root, _DIRECTORY)]
    pending, links = _reversed(path), 0
    while pending:
        name = pending.pop()
        if name == "..":
            del above[max(1, len(above) - 1) :]
        elif (link := _link(name, above[-1])) is not None:
            links += 1
            if links > MAX_LINKS:
                raise OSError(ELOOP, os.strerror(ELOOP), path)
            del above[1 if link.startswith("/") else len(above) :]
            pending += _reversed(link)
        else:
            above.append(enter(name, _STEP if pending else _FILE, above[-1]))
    return above[-1]


def _reversed(path: str) -> list[str]:
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _link(name: str, directory: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno == EINVAL:
            return None
        raise
