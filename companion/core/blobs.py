"""Whole blobs in and out of a content store. containerd: core/content/helpers.go."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from companion.core.content import CHUNK, Info, Ingester, Provider, Store
from companion.core.errors import AlreadyExists


class Source(Protocol):
    """A file that can be read on from a place."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, /) -> object: ...


def read_blob(provider: Provider, digest: str) -> bytes:
    """Return all bytes of a blob. Raises `NotFound`. containerd: content.ReadBlob."""
    with provider.reader_at(digest) as blob:
        return blob.read()


def write_blob(
    ingester: Ingester,
    ref: str,
    source: Source,
    *,
    size: int = 0,
    expected: str = "",
    labels: Mapping[str, str] | None = None,
) -> None:
    """Make a blob of a file that can seek, from where an earlier try left off; it may be there already.

    `size` is in bytes (0: unknown). Raises what the writer raises. containerd: content.WriteBlob.
    """
    with suppress(AlreadyExists), ingester.writer(ref, size, expected) as writer:
        source.seek(writer.status().offset)
        while data := source.read(CHUNK):
            writer.write(data)
        writer.commit(size, expected, labels)


def set_labels(store: Store, digest: str, labels: Mapping[str, str]) -> None:
    """Give a blob these labels, beside those that it has. Raises `NotFound`, `InvalidArgument`."""
    # No field at all would mean: these and no others.
    if labels:
        store.update(Info(digest, labels=labels), *(f"labels.{key}" for key in labels))
