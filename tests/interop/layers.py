"""The layers of the images that tests pull: archives that have all there is to go wrong."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from struct import pack
from typing import Any

MTIME = 1_600_000_000.25
"""A time with a fraction, which only the newer format of archives can tell."""

CAPABILITY = pack("<5I", 0x02000001, 1 << 10, 0, 0, 0).decode()
"""The attribute of a program that may bind to ports below 1024."""

LONG = "n" * 150
DEEP = "/".join(f"{depth}-{'d' * 90}" for depth in range(5))


class Layer:
    """An archive to which a test adds members; the same calls give the same bytes."""

    def __init__(self, file: Path) -> None:
        self.archive = tarfile.open(file, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by `write`

    def add(self, name: str, type: bytes, mode: int, data: bytes = b"", **fields: Any) -> None:
        """Add a member; `fields` are those of a TarInfo."""
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.mtime, member.size = type, mode, MTIME, len(data)
        for field, value in fields.items():
            setattr(member, field, value)
        self.archive.addfile(member, io.BytesIO(data))

    def directory(self, name: str, mode: int = 0o755, **fields: Any) -> None:
        self.add(name, tarfile.DIRTYPE, mode, **fields)

    def file(self, name: str, data: bytes = b"", mode: int = 0o644, **fields: Any) -> None:
        self.add(name, tarfile.REGTYPE, mode, data, **fields)

    def symlink(self, name: str, target: str, **fields: Any) -> None:
        self.add(name, tarfile.SYMTYPE, 0o777, linkname=target, **fields)

    def hard_link(self, name: str, target: str) -> None:
        self.add(name, tarfile.LNKTYPE, 0o644, linkname=target)

    def whiteout(self, name: str) -> None:
        """Remove what a lower layer has under a name."""
        path = Path(name)
        self.file(str(path.with_name(f".wh.{path.name}")), mode=0)

    def opaque(self, directory: str) -> None:
        """Remove all that lower layers have in a directory."""
        self.file(f"{directory}/.wh..wh..opq", mode=0)


def attributes(**values: str) -> Mapping[str, str]:
    """The header of a member with these extended attributes, `__` for a dot."""
    return {f"SCHILY.xattr.{name.replace('__', '.')}": value for name, value in values.items()}


def base(layer: Layer) -> None:
    """Every type of file, with odd modes, owners, names and attributes."""
    for name in ("etc", "usr", "usr/bin", "var", "var/cache", "var/cache/apt", "dev", "opt", "opt/old"):
        layer.directory(name)
    layer.directory("tmp", 0o1777)
    layer.directory("root", 0o700, mtime=0)
    layer.directory("srv", 0o2775, uid=12345, gid=54321)
    layer.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n")
    layer.file("etc/group", b"root:x:0:\napp:x:1000:\n")
    layer.file("etc/hostname", b"base\n")
    layer.file("etc/shadow", b"secret", 0o000)
    layer.file("usr/bin/su", b"#!/bin/true\n", 0o4755)
    layer.file("usr/bin/wall", b"#!/bin/true\n", 0o2755, gid=5)
    layer.file("usr/bin/ping", b"#!", 0o755, pax_headers=attributes(security__capability=CAPABILITY))
    layer.file("srv/noted", b"text", uid=12345, gid=54321, pax_headers=attributes(user__note="a note"))
    layer.directory("srv/noted.d", pax_headers=attributes(user__note="of a directory", user__empty=""))
    layer.hard_link("usr/bin/sudo", "usr/bin/su")
    layer.hard_link("opt/old/su", "usr/bin/su")
    layer.symlink("etc/name", "hostname")
    layer.symlink("etc/absolute", "/etc/hostname", uid=12345)
    layer.symlink("etc/nowhere", "../../../nowhere")
    layer.symlink("opt/cache", "/var/cache")
    layer.add("dev/null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3)
    layer.add("dev/disk", tarfile.BLKTYPE, 0o660, devmajor=8, devminor=0, gid=6)
    layer.add("dev/pipe", tarfile.FIFOTYPE, 0o640, uid=12345)
    layer.file(f"opt/{LONG}", b"long name")
    for depth in range(1, 6):
        layer.directory("opt/" + "/".join(DEEP.split("/")[:depth]))
    layer.file(f"opt/{DEEP}/deep", b"long path")
    layer.hard_link("opt/deep", f"opt/{DEEP}/deep")
    layer.file("opt/ünïcode \n\\name", b"odd name")
    layer.file("opt/empty")
    layer.file("var/cache/apt/archive", random.Random(1).randbytes(3 << 20))
    layer.file("var/cache/index", b"first")


def changes(layer: Layer) -> None:
    """What can be done to the files of a lower layer."""
    layer.directory("etc")
    layer.file("etc/hostname", b"changed\n", 0o600, uid=7)
    layer.whiteout("etc/name")
    layer.whiteout("usr/bin/sudo")
    layer.whiteout("opt/old")
    layer.whiteout("etc/nothing")
    layer.opaque("var/cache")
    layer.file("var/cache/new", b"second")
    layer.file("srv/noted.d", b"a file now")
    layer.directory("opt/empty", 0o711)
    layer.file("opt/empty/inside", b"a directory now")
    layer.symlink("etc/absolute", "/etc/passwd")
    layer.file("opt/implied/parent/file", b"its parents have no members")
    layer.file("srv/noted", b"text", pax_headers=attributes(user__other="another note"))


def empty(layer: Layer) -> None:
    """Nothing at all."""


def again(layer: Layer) -> None:
    """What was removed is there again."""
    layer.directory("opt/old", 0o700)
    layer.file("opt/old/file", b"new")
    layer.symlink("etc/name", "/etc/hostname")
    layer.directory("var/cache/apt", uid=42)
    layer.file("./var/cache/apt/archive", b"small")
    layer.hard_link("./var/cache/apt/link", "./var/cache/apt/archive")


def link(layer: Layer) -> None:
    """A hard link to a file of a lower layer, of which the layer has no copy."""
    layer.hard_link("etc/su", "usr/bin/su")


def write(make: Callable[[Layer], None], file: Path) -> None:
    """Write a layer to an archive."""
    layer = Layer(file)
    with layer.archive:
        make(layer)
