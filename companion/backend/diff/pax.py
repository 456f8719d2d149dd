"""The records of pax headers: what the fixed fields of a tar header have no room for."""

from __future__ import annotations

import re
from typing import TypeAlias

from companion.backend.diff.errors import LayerError

Records: TypeAlias = dict[str, bytes]

INVALID = "archive/tar: invalid tar header"

XATTR = "SCHILY.xattr."
"""What the key of an extended attribute begins with."""

SPARSE_MAP = "GNU.sparse.map"
_SPARSE_PARTS = ("GNU.sparse.offset", "GNU.sparse.numbytes")
_TEXTS = {"path", "linkpath", "uname", "gname"}

_LENGTH = re.compile(rb"(\d{1,9}) ")
_TIME = re.compile(rb"(-?)(\d{1,18})(?:\.(\d*))?")
_NUMBER = re.compile(rb"\d{1,19}")
_SECOND = 1_000_000_000


def parse_records(data: bytes) -> Records:
    """Return the records of a header, by key. Raises `LayerError`.

    The oldest form of sparse maps repeats its keys; its numbers are put together as in the younger form.
    """
    records: Records = {}
    parts: list[bytes] = []
    start = 0
    while start < len(data):
        key, value, start = _record(data, start)
        if key in _SPARSE_PARTS:
            if key != _SPARSE_PARTS[len(parts) % 2]:
                raise LayerError(INVALID)
            parts.append(value)
        else:
            records[key] = value
    if parts:
        records[SPARSE_MAP] = b",".join(parts)
    # An empty value takes back what an earlier header has said, but for attributes, which may be empty.
    return {key: value for key, value in records.items() if value or key.startswith(XATTR)}


def parse_time(value: bytes) -> int:
    """Return the nanoseconds of a time in seconds. Raises `LayerError`."""
    found = _TIME.fullmatch(value)
    if found is None:
        raise LayerError(INVALID)
    sign, seconds, fraction = found.groups()
    nanoseconds = int(seconds) * _SECOND + int(((fraction or b"")[:9]).ljust(9, b"0"))
    return -nanoseconds if sign else nanoseconds


def parse_number(value: bytes) -> int:
    """Return a number that is not negative. Raises `LayerError`."""
    if not _NUMBER.fullmatch(value):
        raise LayerError(INVALID)
    return int(value)


def _record(data: bytes, start: int) -> tuple[str, bytes, int]:
    """Return key and value of the record that begins here, and where the next one does."""
    found = _LENGTH.match(data, start)
    end = start + int(found[1]) if found else 0
    if found is None or end > len(data) or end <= found.end() or data[end - 1 : end] != b"\n":
        raise LayerError(INVALID)
    raw, equals, value = data[found.end() : end - 1].partition(b"=")
    key = raw.decode(errors="surrogateescape")
    if not raw or not equals or b"\0" in (value if key in _TEXTS else raw):
        raise LayerError(INVALID)
    return key, value, end
