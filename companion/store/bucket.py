"""Buckets: a tree of names over the flat, ordered keys of LMDB, as bbolt offers it to containerd.

The path of a bucket is written into the key, each name closed by a NUL byte:

    v1 NUL builder NUL containers NUL                the bucket itself
    v1 NUL builder NUL containers NUL debian         a value in it

so a bucket's contents stand side by side, in the bytewise order of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import TypeAlias

import lmdb

_LONGEST = 80
"""Names longer than this, in bytes, are kept as their head and a hash: an LMDB key ends at 511 bytes.

The deepest path of containerd's tree has four names of the user's choice, so each may take a fifth.
"""

_HASHED = b"\xff"  # never part of UTF-8, so it tells a hashed name from a plain one
_NUL, _ONE = b"\0", b"\1"


class DatabaseError(Exception):
    """The database refuses or fails. It has no class in containerd, so a client sees UNKNOWN."""


Transaction: TypeAlias = "lmdb.Transaction[bytes]"


class Bucket:
    """A bucket of the tree, valid within its transaction. containerd: bbolt's Bucket."""

    __slots__ = ("_path", "_txn")

    def __init__(self, txn: Transaction, path: bytes = b"") -> None:
        self._txn, self._path = txn, path

    def bucket(self, *names: str) -> Bucket | None:
        """Return the bucket at the end of `names`, or None where there is none."""
        path = self._path + b"".join([_encode(name) + _NUL for name in names])
        return Bucket(self._txn, path) if all(names) and self._txn.get(path) is not None else None

    def create_bucket(self, *names: str) -> Bucket:
        """Return the bucket at the end of `names`, made with all on the way to it where missing.

        Raises `DatabaseError` for an empty name.
        """
        if not all(names):
            raise DatabaseError("bucket name required")
        path = self._path
        for name in names:
            path += _encode(name) + _NUL
            if self._txn.get(path) is None:
                self._txn.put(path, name.encode())
        return Bucket(self._txn, path)

    def delete_bucket(self, name: str) -> None:
        """Remove a bucket with all that is in it; there may be none."""
        path = self._path + _encode(name) + _NUL
        cursor = self._txn.cursor()
        found = bool(name) and cursor.set_range(path)
        while found and cursor.key().startswith(path):
            found = cursor.delete()

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None."""
        name = _encode(key)
        value = self._txn.get(self._path + name) if key else None
        return value if value is None else _unframe(name, value)[1]

    def put(self, key: str, value: bytes) -> None:
        """Write a value. Raises `DatabaseError` for an empty key."""
        if not key:
            raise DatabaseError("key required")
        name = _encode(key)
        self._txn.put(self._path + name, _frame(name, key, value))

    def delete(self, key: str) -> bool:
        """Remove a value; return whether there was one."""
        return bool(key) and self._txn.delete(self._path + _encode(key))

    def next_sequence(self) -> int:
        """Return a number that this bucket has not given yet, from 1 on. containerd: bbolt's NextSequence."""
        # No bucket has an empty name, so this key is free; it stands before all that is in the bucket.
        key = self._path + _NUL
        number = int.from_bytes(self._txn.get(key, b""), "big") + 1
        self._txn.put(key, number.to_bytes(8, "big"))
        return number

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield every key with its value, bytewise by key; buckets are passed over."""
        return ((name, value) for name, value in self._in_order() if value is not None)

    def buckets(self) -> Iterator[str]:
        """Yield the names of the buckets in this one, bytewise."""
        return (name for name, value in self._in_order() if value is None)

    def empty(self) -> bool:
        """Return whether there is neither value nor bucket in this one."""
        return next(self._entries(), None) is None

    def _in_order(self) -> Iterator[tuple[str, bytes | None]]:
        """Yield what is here bytewise by name: those with one head are stored in order of their hashes."""
        same_head: list[tuple[bytes, str, bytes | None]] = []
        for raw, name, value in self._entries():
            if same_head and raw[: _LONGEST + 1] != same_head[0][0][: _LONGEST + 1]:
                yield from _by_name(same_head)
                same_head.clear()
            if _HASHED in raw:
                same_head.append((raw, name, value))
            else:
                yield name, value
        yield from _by_name(same_head)

    def _entries(self) -> Iterator[tuple[bytes, str, bytes | None]]:
        """Yield encoded name, name and value of all in this bucket; for a bucket the value is None."""
        start, cursor = len(self._path), self._txn.cursor()
        found = cursor.set_range(self._path + _ONE)
        while found:
            for key, value in cursor.iternext():
                if not key.startswith(self._path):
                    return
                name = key[start:]
                if name.endswith(_NUL):
                    yield name[:-1], value.decode(), None
                    # All inside that bucket starts with `key`; its last byte raised by one is past it.
                    found = cursor.set_range(key[:-1] + _ONE)
                    break
                yield name, *_unframe(name, value)
            else:
                return


def _by_name(entries: list[tuple[bytes, str, bytes | None]]) -> Iterator[tuple[str, bytes | None]]:
    for _, name, value in sorted(entries, key=lambda entry: entry[1].encode()):
        yield name, value


def _encode(name: str) -> bytes:
    raw = name.encode()
    # NUL closes a name, so it must not be in one; written this way the order stays bytewise.
    raw = raw.replace(_ONE, b"\1\2").replace(_NUL, b"\1\1")
    if len(raw) <= _LONGEST:
        return raw
    return raw[:_LONGEST] + _HASHED + blake2b(raw, digest_size=16).hexdigest().encode()


def _decode(raw: bytes) -> str:
    if _ONE in raw:
        raw = raw.replace(b"\1\1", _NUL).replace(b"\1\2", _ONE)
    return raw.decode()


def _frame(raw: bytes, key: str, value: bytes) -> bytes:
    """Put the name that a hash cannot give back in front of the value."""
    if _HASHED not in raw:
        return value
    name = key.encode()
    return len(name).to_bytes(4, "big") + name + value


def _unframe(raw: bytes, value: bytes) -> tuple[str, bytes]:
    if _HASHED not in raw:
        return _decode(raw), value
    end = 4 + int.from_bytes(value[:4], "big")
    return value[4:end].decode(), value[end:]


def entries(bucket: Bucket | None) -> Iterable[tuple[str, bytes]]:
    """Return what is in a bucket that may not exist."""
    return () if bucket is None else bucket.items()
