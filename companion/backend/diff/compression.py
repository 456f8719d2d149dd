"""Layers come plain or compressed; the first bytes say which it is. containerd: archive/compression."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import Protocol, TypeAlias

from companion.backend.diff.errors import LayerError
from companion.core.content import CHUNK

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Chunks: TypeAlias = Iterator[bytes]

_READ = 256 << 10
"""How many compressed bytes are read at a time."""

_GZIP = zlib.MAX_WBITS | 16

_MAGIC = 4
_ZSTD = {0xFD2FB528, *range(0x184D2A50, 0x184D2A60)}
"""What frames of zstd begin with; all but the first hold no data."""

_TEXTS = {
    "incorrect header check": "gzip: invalid header",
    "incorrect data check": "gzip: invalid checksum",
    "incorrect length check": "gzip: invalid checksum",
}
"""What Go says in place of zlib."""


class _Member(Protocol):
    """One piece of compressed data, of which several may follow one another in a file."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _GzipMember:
    """Makes of zlib's decompressor what those of the younger modules are: it keeps what it has not used."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        found = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        # Where it stopped at the length that it was given, more may be ready inside.
        self.needs_input = len(found) < max_length
        return found


def plain(blob: BufferedReader) -> Chunks:
    """Yield the bytes of a blob as they are."""
    return iter(lambda: blob.read(CHUNK), b"")


def decompressed(blob: BufferedReader) -> Chunks:
    """Yield the bytes of a blob without its compression, if it has one; never many at a time.

    Raises `LayerError` for what is damaged or ends too early. containerd: DecompressStream.
    """
    start = blob.peek(_MAGIC)[:_MAGIC]
    if start.startswith(b"\x1f\x8b\x08"):
        return _members(blob, _GzipMember)
    if int.from_bytes(start, "little") in _ZSTD:
        return _members(blob, zstd.ZstdDecompressor)
    return plain(blob)


def _members(blob: BufferedReader, begin: Callable[[], _Member]) -> Chunks:
    member, data = begin(), b""
    while True:
        if member.eof:
            data = member.unused_data or blob.read(_READ)
            if not data:
                return
            member = begin()
        elif member.needs_input:
            data = blob.read(_READ)
            if not data:
                raise LayerError("unexpected EOF")
        else:
            data = b""
        yield _decompress(member, data)


def _decompress(member: _Member, data: bytes) -> bytes:
    try:
        return member.decompress(data, CHUNK)
    except zlib.error as error:
        text = str(error).rpartition(": ")[2]
        raise LayerError(_TEXTS.get(text, f"gzip: {text}")) from None
    except zstd.ZstdError as error:
        raise LayerError(f"zstd: {error}") from None
