"""Finds places below a directory; no name leads out, whatever the tree holds. containerd: fs.RootPath."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from companion.backend.diff.errors import LayerError
from companion.backend.snapshots.trees import remove_tree

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST = 4095 - 256
"""Bytes of the longest path below a root: with that of the root the kernel takes no more."""

_LINKS = 255

Maker = Callable[["Place", str], None]
"""Makes a directory that is missing on the way, of this name in this place."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory that is open: its descriptor, and its path below the root, without links."""

    descriptor: int
    path: str

    def below(self, name: str) -> str:
        """Return the path of a name in this directory."""
        return f"{self.path}/{name}" if self.path else name

    def file(self, name: str) -> str:
        """Return a path for calls that take no descriptor; only its last name may be a link."""
        return f"/proc/self/fd/{self.descriptor}/{name}"


def cleaned(name: str) -> str:
    """Return the shortest form of a name, as if the root were its `/`; empty for the root itself."""
    return posixpath.normpath(f"/{name.lstrip('/')}").lstrip("/")


class Root:
    """A directory as the root of names. A context manager: it holds descriptors."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._latest: tuple[str, Place] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()
        os.close(self._descriptor)

    def directory(self, name: str, make: Maker) -> Place:
        """Return a directory, made when missing; it stays open until the next one is asked for.

        Raises `OSError`: `NotADirectoryError` where something else is in the way.
        """
        if self._latest is None or self._latest[0] != name:
            self.forget()
            self._latest = name, self._walk(name, make)
        return self._latest[1]

    @contextmanager
    def opened(self, name: str) -> Iterator[Place]:
        """Yield a directory that must be there. Raises `OSError`."""
        place = self._walk(name, _missing)
        try:
            yield place
        finally:
            os.close(place.descriptor)

    def remove(self, place: Place, name: str) -> None:
        """Remove whatever has a name in a place, with all that is in it; there may be nothing."""
        try:
            os.unlink(name, dir_fd=place.descriptor)
        except FileNotFoundError:
            return
        except IsADirectoryError:
            remove_tree(Path(place.file(name)))

    def forget(self) -> None:
        """Close the directory that was asked for last."""
        latest, self._latest = self._latest, None
        if latest is not None:
            os.close(latest[1].descriptor)

    def _walk(self, name: str, make: Maker) -> Place:
        """Open directory after directory, links among them resolved as if the root were `/`."""
        path: list[Place] = [Place(os.dup(self._descriptor), "")]
        ahead, links = name.split("/")[::-1], 0
        try:
            while ahead:
                step = ahead.pop()
                if step == "..":
                    _leave(path)
                elif step not in ("", "."):
                    link = _enter(path, step, make)
                    if link is not None:
                        links += 1
                        if links > _LINKS:
                            raise LayerError("failed to get root path: too many links")
                        if link.startswith("/"):
                            _leave(path, len(path))
                        # As text, like containerd: what is not there, or is no directory, has a parent too.
                        ahead.extend(posixpath.normpath(link).split("/")[::-1])
            return path.pop()
        finally:
            for place in path:
                os.close(place.descriptor)


def _enter(path: list[Place], step: str, make: Maker) -> str | None:
    """Go down one step; return the target of a link that is there in place of a directory."""
    place = path[-1]
    below = place.below(step)
    if len(os.fsencode(below)) > _LONGEST:
        raise _error(errno.ENAMETOOLONG, f"{below[:80]}...")
    try:
        descriptor = os.open(step, _DIRECTORY, dir_fd=place.descriptor)
    except FileNotFoundError:
        make(place, step)
        descriptor = os.open(step, _DIRECTORY, dir_fd=place.descriptor)
    except NotADirectoryError:
        return _link(place, step)
    path.append(Place(descriptor, below))
    return None


def _link(place: Place, name: str) -> str:
    try:
        return os.readlink(name, dir_fd=place.descriptor)
    except OSError:
        raise _error(errno.ENOTDIR, place.below(name)) from None


def _leave(path: list[Place], steps: int = 1) -> None:
    """Go up, but never above the root."""
    for _ in range(min(steps, len(path) - 1)):
        os.close(path.pop().descriptor)


def _missing(place: Place, name: str) -> None:
    raise _error(errno.ENOENT, place.below(name))


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
