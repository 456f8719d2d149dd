"""Sparse files: an archive has only the parts that are not empty, and a map that says where they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from companion.backend.diff.errors import LayerError
from companion.backend.diff.pax import INVALID, SPARSE_MAP, Records, parse_number

_BLOCK = 512
_LARGEST_MAP = 1 << 20

_OLDER = {(b"0", b"0"), (b"0", b"1")}
_NEWER = (b"1", b"0")


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of a file that has data, in bytes."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Sparse:
    """A file with holes: its real name and size, and its extents. `consumed` bytes of data were the map."""

    name: str | None
    size: int
    extents: Sequence[Extent]
    consumed: int = 0


def sparse_file(records: Records, stored: int, read: Callable[[int], bytes]) -> Sparse | None:
    """Return what pax records say of a sparse file with `stored` bytes of data; None if it is not one.

    `read` gives the first of those bytes. Raises `LayerError` for a map that makes no sense.
    """
    version = records.get("GNU.sparse.major", b"0"), records.get("GNU.sparse.minor", b"0")
    consumed = 0
    if version == _NEWER:
        numbers, consumed = _leading_map(stored, read)
    elif version in _OLDER and SPARSE_MAP in records:
        numbers = [parse_number(number) for number in records[SPARSE_MAP].split(b",")]
        if len(numbers) != 2 * parse_number(records.get("GNU.sparse.numblocks", b"")):
            raise LayerError(INVALID)
    else:
        return None
    size = parse_number(records.get("GNU.sparse.size") or records.get("GNU.sparse.realsize") or b"0")
    name = records.get("GNU.sparse.name")
    extents = _extents(numbers, size, stored - consumed)
    return Sparse(None if name is None else os.fsdecode(name), size, extents, consumed)


def _leading_map(stored: int, read: Callable[[int], bytes]) -> tuple[list[int], int]:
    """Return the numbers of a map in front of the data, one a line, and how many bytes it took."""
    text, wanted = b"", 1
    while (lines := text.count(b"\n")) < wanted:
        if len(text) + _BLOCK > min(stored, _LARGEST_MAP):
            raise LayerError(INVALID)
        text += read(_BLOCK)
        if lines == 0 and b"\n" in text:
            wanted = 1 + 2 * parse_number(text.partition(b"\n")[0])
    return [parse_number(line) for line in text.split(b"\n")[1:wanted]], len(text)


def _extents(numbers: Sequence[int], size: int, stored: int) -> Sequence[Extent]:
    """Return the extents of a map: in order, apart from one another, inside the file, with data for all."""
    extents = [Extent(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=False)]
    end = 0
    for extent in extents:
        if extent.offset < end:
            raise LayerError(INVALID)
        end = extent.offset + extent.length
    if len(numbers) % 2 or end > size or sum(extent.length for extent in extents) > stored:
        raise LayerError(INVALID)
    return extents
