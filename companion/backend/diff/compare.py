"""Makes a layer of what differs between two trees, in the content store. containerd: plugins/diff/walking."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from companion.backend.diff.changes import changes
from companion.backend.diff.writing import ChangeWriter
from companion.core import labels
from companion.core.blobs import set_labels
from companion.core.content import CHUNK, Descriptor, Store, Writer
from companion.core.errors import AlreadyExists, Error, Unimplemented
from companion.core.leases import generate_id
from companion.core.media_types import OCI_GZIP_LAYER, OCI_LAYER

_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """The layer to be made: its media type, the ref of its ingest, the labels of its blob."""

    media_type: str
    ref: str
    labels: Mapping[str, str]


def wanted(media_type: str, ref: str, labels: Mapping[str, str] | None) -> Wanted:
    """Return what is to be made. Raises `Unimplemented` for a media type of other layers."""
    media_type = media_type or OCI_GZIP_LAYER
    if media_type not in (OCI_LAYER, OCI_GZIP_LAYER):
        raise Unimplemented(f"unsupported diff media type: {media_type}")
    return Wanted(media_type, ref, labels or {})


def write_diff(store: Store, layer: Wanted, lower: Path, upper: Path) -> Descriptor:
    """Write what leads from the tree `lower` to the tree `upper` as a blob, and return its descriptor.

    Raises what the store raises, and `OSError` for what cannot be read.
    """
    with _ingest(store, layer.ref) as writer:
        sink = _Sink(writer, compressed=layer.media_type == OCI_GZIP_LAYER)
        ChangeWriter(upper, sink.write).write_all(changes(lower, upper))
        plain = sink.finish()
        given = layer.labels if plain == writer.digest() else {**layer.labels, labels.UNCOMPRESSED: plain}
        digest, size = writer.digest(), writer.status().offset
        try:
            writer.commit(size, digest, given)
        except AlreadyExists:
            _complete(store, digest, given)
        except Error as error:
            raise error.wrap("failed to commit") from None
    return Descriptor(layer.media_type, digest, size)


class _Sink:
    """Where the bytes of an archive go: hashed, compressed or not, into an ingest."""

    def __init__(self, writer: Writer, compressed: bool) -> None:
        self._writer, self._plain = writer, sha256()
        self._deflate = zlib.compressobj(wbits=_GZIP) if compressed else None
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        self._plain.update(data)
        self._waiting += data if self._deflate is None else self._deflate.compress(data)
        if len(self._waiting) >= CHUNK:
            self._flush()

    def finish(self) -> str:
        """Write what is left; return the digest of the plain archive."""
        if self._deflate is not None:
            self._waiting += self._deflate.flush()
        self._flush()
        return f"sha256:{self._plain.hexdigest()}"

    def _flush(self) -> None:
        self._writer.write(bytes(self._waiting))
        self._waiting.clear()


@contextmanager
def _ingest(store: Store, ref: str) -> Iterator[Writer]:
    """Yield the writer of a new ingest, in place of any of this ref; without one it is gone on an error."""
    name = ref or generate_id()
    try:
        writer = store.writer(name)
    except Error as error:
        raise error.wrap("failed to open writer") from None
    try:
        with writer:
            if ref:
                writer.truncate()
            yield writer
    except BaseException:
        if not ref:
            with suppress(Error):
                store.abort(name)
        raise


def _complete(store: Store, digest: str, given: Mapping[str, str]) -> None:
    """Say of a blob that was there already what it is without its compression."""
    if labels.UNCOMPRESSED in given and labels.UNCOMPRESSED not in store.info(digest).labels:
        set_labels(store, digest, {labels.UNCOMPRESSED: given[labels.UNCOMPRESSED]})
