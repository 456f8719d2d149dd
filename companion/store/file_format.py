"""What keeps the database honest: its format number, and a look at the file before it is mapped."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

from companion.store.bucket import Bucket, DatabaseError

FORMAT = 1
"""The format this package writes. It is kept as text under the key `format`, beside the bucket `v1`."""

UPGRADES: dict[int, Callable[[Bucket], None]] = {}
"""For every older format, the step that turns its tree into that of the next."""

_KEY = "format"

# The two meta pages of LMDB 0.9 open the file: a page header, then magic number, version, address and
# size of the map, two tree roots (the first begins with the page size), the last page in use and the
# number of the transaction that wrote it.
_META = struct.Struct("<16x II QQ I92x QQ")
_MAGIC = 0xBEEFC0DE


def check_file(path: Path) -> None:
    """Refuse a file that LMDB would take our process down with, or one that is not LMDB's.

    A truncated file is mapped without a word, and the first touch past its end is a bus error.
    Raises `DatabaseError`; a missing or empty file is fine.
    """
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return
    with path.open("rb") as file:
        first = file.read(_META.size)
        magic, _, _, _, page_size, *_ = _META.unpack(first.ljust(_META.size, b"\0"))
        if magic != _MAGIC:
            raise DatabaseError("not a database of this daemon")
        second = os.pread(file.fileno(), _META.size, page_size)
    if len(second) < _META.size:
        raise DatabaseError("truncated")
    *_, last_page, _ = max(_META.unpack(first), _META.unpack(second), key=lambda meta: meta[6])
    if size < (last_page + 1) * page_size:
        raise DatabaseError("truncated")


def upgrade(root: Bucket) -> None:
    """Bring the tree to this format, and mark a new one.

    Raises `DatabaseError` for a foreign or newer one.
    """
    text = root.get(_KEY)
    if text is None:
        if not root.empty():
            raise DatabaseError("not a database of this daemon")
        found = FORMAT
    else:
        found = int(text) if text.isdigit() else 0
    if not found:
        raise DatabaseError("not a database of this daemon")
    if found > FORMAT:
        raise DatabaseError(f"format {found} is newer than this version reads ({FORMAT})")
    for number in range(found, FORMAT):
        UPGRADES[number](root)
    if text is None or found != FORMAT:
        root.put(_KEY, str(FORMAT).encode())
