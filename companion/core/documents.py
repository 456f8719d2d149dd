"""JSON out of a content store, which anybody may have written: bounded in size, and checked as it is read."""

from __future__ import annotations

import json
from typing import IO, Any

from companion.core.content import Provider
from companion.core.errors import InvalidArgument, ResourceExhausted

MAX_SIZE = 8 << 20
"""The largest document that is read, in bytes."""


class Document:
    """An object of a document, asked for its members by kind; one that is absent or null is empty.

    Every method raises `InvalidArgument`, which names the blob and the member, for another kind of value.
    """

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise InvalidArgument(f"{place} must be an object")
        self._members: dict[str, Any] = value
        self._place = place

    def text(self, key: str) -> str:
        """Return a string."""
        return self._text(self._members.get(key), key)

    def number(self, key: str) -> int:
        """Return an integer that 64 bits hold."""
        value = self._members.get(key) or 0
        if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
            raise self._wrong(key, "an integer")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        return tuple(self._text(value, key) for value in self._list(key))

    def mapping(self, key: str) -> dict[str, str]:
        """Return an object whose members are strings."""
        members = self.object(key)
        return {self._text(name, key): members.text(name) for name in members._members}

    def object(self, key: str) -> Document:
        """Return an object."""
        value = self._members.get(key)
        return Document({} if value is None else value, f"{self._place}: {key}")

    def objects(self, key: str) -> list[Document]:
        """Return a list of objects."""
        return [Document(value, f"{self._place}: {key}") for value in self._list(key)]

    def __contains__(self, key: str) -> bool:
        return bool(self._members.get(key))

    def _text(self, value: Any, key: str) -> str:
        if value is None:
            return ""
        # JSON can name halves of characters, which UTF-8 cannot.
        if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
            raise self._wrong(key, "text")
        return value

    def _list(self, key: str) -> list[Any]:
        value = self._members.get(key)
        if value is not None and not isinstance(value, list):
            raise self._wrong(key, "a list")
        return value or []

    def _wrong(self, key: str, kind: str) -> InvalidArgument:
        return InvalidArgument(f"{self._place}: {key} must be {kind}")


def read_bounded(file: IO[bytes], name: str, limit: int) -> bytes:
    """Return all of a file. Raises `ResourceExhausted` for one that is larger than `limit`, in bytes."""
    raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ResourceExhausted(f"{name} is larger than the maximum size ({limit} bytes)")
    return raw


def read_document(provider: Provider, digest: str) -> Document:
    """Return the document in a blob.

    Raises `NotFound`, `ResourceExhausted` for one that is too large, `InvalidArgument` for other bytes
    than a JSON object.
    """
    with provider.reader_at(digest) as blob:
        raw = read_bounded(blob, f"content {digest}", MAX_SIZE)
    try:
        return Document(json.loads(raw), f"content {digest}")
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"content {digest} is not JSON: {error}") from None
