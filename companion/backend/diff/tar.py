"""Reads tar archives, entry by entry: ustar, pax and GNU's long names. Go: archive/tar.

The standard library's module takes a damaged header for the end of the archive, reads headers of any size,
and some of its versions hang on hostile ones. A layer may come from anywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct

from companion.backend.diff.errors import LayerError
from companion.backend.diff.pax import INVALID, XATTR, Records, parse_number, parse_records, parse_time
from companion.backend.diff.sparse import Extent, sparse_file
from companion.backend.diff.stream import Stream

REGULAR, LINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO = "0123456"
_OLD_REGULAR, _PAX, _LONG_NAME, _LONG_LINK = "\0xLK"
_WITHOUT_DATA = {LINK, SYMLINK, CHARACTER, BLOCK, DIRECTORY, FIFO}

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_FIELDS = Struct("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12s")
_CHECKSUM = slice(148, 156)
_GNU_ATIME = slice(345, 357)

_LARGEST_HEADER = 1 << 20
"""The largest header that has data of its own, in bytes; Go has the same limit."""

_OCTAL = re.compile(rb"[0-7]*")
_LARGEST_ID = (1 << 32) - 2
_SECOND = 1_000_000_000


@dataclass(slots=True)
class Entry:
    """One entry of an archive. Names are as `os.fsdecode` makes them, times nanoseconds since 1970.

    `size` is that of the file, in bytes; `extents` are the parts of it that have data, where not all has.
    """

    name: str
    type: str
    link: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    atime: int
    major: int
    minor: int
    extents: Sequence[Extent] | None = None
    xattrs: dict[str, bytes] = field(default_factory=dict)


class Archive:
    """The entries of the archive that a stream carries, each before its data.

    Raises `LayerError` for what is damaged or ends too early.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = self._padding = 0

    def __iter__(self) -> Iterator[Entry]:
        records: Records = {}
        long: dict[str, str] = {}
        while (block := self._header()) is not None:
            entry = _entry(block)
            self._left, self._padding = entry.size, -entry.size % _BLOCK
            match entry.type:
                case "x" | "g":
                    found = parse_records(self._text(entry.size))
                    # What is said of all entries to come is no part of a layer.
                    records = found if entry.type == _PAX else records
                case "L" | "K":
                    long[entry.type] = os.fsdecode(self._text(entry.size).partition(b"\0")[0])
                case _:
                    yield self._complete(entry, long, records)
                    records, long = {}, {}

    def data(self, size: int) -> Iterator[memoryview]:
        """Yield the next `size` bytes of the entry's data, in pieces."""
        self._left -= size
        return self._stream.pieces(size)

    def _header(self) -> bytes | None:
        """Return the next header; None at the end of the archive, with or without its two empty blocks."""
        self._stream.skip(self._left + self._padding)
        self._left = self._padding = 0
        if self._stream.at_end():
            return None
        block = self._stream.read(_BLOCK)
        if block != _ZEROS:
            return block
        if self._stream.at_end() or self._stream.read(_BLOCK) == _ZEROS:
            return None
        raise LayerError(INVALID)

    def _text(self, size: int) -> bytes:
        if size > _LARGEST_HEADER:
            raise LayerError("archive/tar: header field too long")
        return b"".join(self.data(size))

    def _complete(self, entry: Entry, long: dict[str, str], records: Records) -> Entry:
        """Return an entry with what the headers before it say of it; its data is what comes next."""
        entry.name, entry.link = long.get(_LONG_NAME, entry.name), long.get(_LONG_LINK, entry.link)
        if records:
            _merge(entry, records)
        if entry.type == _OLD_REGULAR:
            entry.type = DIRECTORY if entry.name.endswith("/") else REGULAR
        stored = 0 if entry.type in _WITHOUT_DATA else entry.size
        self._left, self._padding = stored, -stored % _BLOCK
        if records and entry.type == REGULAR:
            self._expand(entry, records)
        return entry

    def _expand(self, entry: Entry, records: Records) -> None:
        sparse = sparse_file(records, entry.size, lambda size: b"".join(self.data(size)))
        if sparse is not None:
            entry.size, entry.extents = sparse.size, sparse.extents
            entry.name = entry.name if sparse.name is None else sparse.name


def _entry(block: bytes) -> Entry:
    """Return what a header says by itself."""
    (name, mode, uid, gid, size, mtime, checksum, kind, link, magic, _, _, major, minor, prefix, _) = (
        _FIELDS.unpack(block)
    )
    _check(block, _number(checksum))
    entry = Entry(
        name=_decoded(name),
        type=kind.decode("latin-1"),
        link=_decoded(link),
        mode=_number(mode),
        uid=_id(_number(uid)),
        gid=_id(_number(gid)),
        size=_size(_number(size)),
        mtime=_number(mtime) * _SECOND,
        atime=0,
        major=_number(major) if magic.startswith(b"ustar") else 0,
        minor=_number(minor) if magic.startswith(b"ustar") else 0,
    )
    if magic == b"ustar  \0":
        if block[_GNU_ATIME.start]:
            entry.atime = _number(block[_GNU_ATIME]) * _SECOND
    elif magic == b"ustar\x0000" and prefix[0]:
        entry.name = f"{_decoded(prefix)}/{entry.name}"
    return entry


def _check(block: bytes, wanted: int) -> None:
    """Hold a header to its checksum, which counts its own field as spaces. Some have summed signed bytes."""
    rest = block[: _CHECKSUM.start] + block[_CHECKSUM.stop :]
    unsigned = sum(rest) + 8 * ord(" ")
    if wanted != unsigned and wanted != unsigned - 256 * sum(byte > 127 for byte in rest):
        raise LayerError(INVALID)


def _merge(entry: Entry, records: Records) -> None:
    """Put what pax records say in the place of what the header says."""
    for key, value in records.items():
        match key:
            case "path":
                entry.name = os.fsdecode(value)
            case "linkpath":
                entry.link = os.fsdecode(value)
            case "size":
                entry.size = _size(parse_number(value))
            case "uid":
                entry.uid = _id(parse_number(value))
            case "gid":
                entry.gid = _id(parse_number(value))
            case "mtime":
                entry.mtime = parse_time(value)
            case "atime":
                entry.atime = parse_time(value)
            case _ if key.startswith(XATTR):
                entry.xattrs[key.removeprefix(XATTR)] = value


def _decoded(field: bytes) -> str:
    return os.fsdecode(field.partition(b"\0")[0])


def _number(field: bytes) -> int:
    """Return the number of a field: octal digits, or, with the highest bit set, the bytes of it."""
    if field[0] & 0x80:
        # The highest bit is the mark, and the one below it the sign.
        bits = 8 * len(field) - 1
        number = int.from_bytes(field, "big") - (1 << bits)
        return number - (1 << bits) if field[0] & 0x40 else number
    digits = field.strip(b" \0").partition(b"\0")[0]
    if not _OCTAL.fullmatch(digits):
        raise LayerError(INVALID)
    return int(digits or b"0", 8)


def _size(number: int) -> int:
    if not 0 <= number < 1 << 63:
        raise LayerError(INVALID)
    return number


def _id(number: int) -> int:
    if not 0 <= number <= _LARGEST_ID:
        raise LayerError(INVALID)
    return number
