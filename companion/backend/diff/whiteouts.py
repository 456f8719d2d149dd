"""Whiteouts: the entries of a layer that say what the layers below it no longer show."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from typing import Protocol

from companion.backend.diff.errors import LayerError
from companion.backend.diff.root import Place, Root
from companion.backend.diff.tar import Entry
from companion.core.quote import quote

PREFIX = ".wh."
_OPAQUE = ".wh..wh..opq"


class Whiteouts(Protocol):
    """How deletions are carried out. containerd: archive.ConvertWhiteout."""

    def delete(self, place: Place, name: str, entry: Entry) -> None:
        """Let nothing of this name be seen in a place."""
        ...

    def clear(self, place: Place, written: Collection[str]) -> None:
        """Let nothing be seen in a place but what this layer has written: the paths below the root."""
        ...


def apply_whiteout(how: Whiteouts, place: Place, entry: Entry, base: str, written: Collection[str]) -> None:
    """Carry out a whiteout. Raises `LayerError` for one that would reach out of its directory."""
    name = base.removeprefix(PREFIX)
    if base == _OPAQUE:
        how.clear(place, written)
    elif name in ("", ".", ".."):
        raise LayerError(f"invalid whiteout name: {base}: invalid archive")
    else:
        how.delete(place, name, entry)


class Removal(Whiteouts):
    """The tree holds all layers in one: what is deleted is removed."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def delete(self, place: Place, name: str, entry: Entry) -> None:
        self._root.remove(place, name)

    def clear(self, place: Place, written: Collection[str]) -> None:
        directories = [place.path]
        for path in directories:  # grows on the way
            with self._root.opened(path) as directory, os.scandir(directory.file(".")) as found:
                for child in list(found):
                    if directory.below(child.name) not in written:
                        self._root.remove(directory, child.name)
                    elif child.is_dir(follow_symlinks=False):
                        directories.append(directory.below(child.name))


class Marks(Whiteouts):
    """The tree is the upper one of an overlay: the kernel's marks hide what is below.

    `namespace` is that of the attributes that the overlay uses. containerd: OverlayConvertWhiteout.
    """

    def __init__(self, namespace: str = "trusted") -> None:
        self._opaque = f"{namespace}.overlay.opaque"

    def delete(self, place: Place, name: str, entry: Entry) -> None:
        try:
            os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=place.descriptor)
            os.chown(name, entry.uid, entry.gid, dir_fd=place.descriptor, follow_symlinks=False)
        except OSError as error:
            text = (error.strerror or "").lower()
            raise LayerError(f"failed to convert whiteout file {quote(entry.name)}: {text}") from None

    def clear(self, place: Place, written: Collection[str]) -> None:
        os.setxattr(place.file("."), self._opaque, b"y")
