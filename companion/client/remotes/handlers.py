"""From a registry into a content store: one blob, and what there is to be said of it.

containerd: core/remotes/handlers.go and docker/handler.go.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from contextlib import suppress

from companion.client.errors import RegistryError
from companion.client.reference import Reference
from companion.client.remotes.fetcher import Fetcher, RemoteBlob
from companion.core import labels
from companion.core.blobs import set_labels
from companion.core.content import CHUNK, Descriptor, Ingester, Store, Writer
from companion.core.errors import (
    AlreadyExists,
    Error,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from companion.core.media_types import is_index, is_known_config, is_layer, is_manifest

DISTRIBUTION_SOURCE = "containerd.io/distribution.source."

LOCK_GUARD = 60.0
"""Seconds until somebody else's writer that makes no progress counts as hung."""

_KINDS = ((is_manifest, "manifest"), (is_index, "index"), (is_layer, "layer"), (is_known_config, "config"))
_LONGEST_WAIT = 2.0


def make_ref_key(descriptor: Descriptor) -> str:
    """Return the ref of the ingest of a blob. containerd: remotes.MakeRefKey."""
    kinds = [kind for matches, kind in _KINDS if matches(descriptor.media_type)]
    return f"{(kinds or ['unknown'])[0]}-{descriptor.digest}"


def fetch(
    ingester: Ingester, fetcher: Fetcher, descriptor: Descriptor, arrived: Callable[[int], object]
) -> None:
    """Bring a blob into the store, from where an earlier try left off; it may be there already.

    `arrived` is told how many bytes have come. Bytes that are not what the descriptor says are thrown away.
    Raises what the registry and the store do. containerd: remotes.Fetch.
    """
    with suppress(AlreadyExists):
        if not _fetch_once(ingester, fetcher, descriptor, arrived):
            _fetch_once(ingester, fetcher, descriptor, arrived)


def _fetch_once(
    ingester: Ingester, fetcher: Fetcher, descriptor: Descriptor, arrived: Callable[[int], object]
) -> bool:
    """Return false when what an earlier try had left turned out to be wrong, and is gone."""
    ref = make_ref_key(descriptor)
    with open_writer(ingester, ref, descriptor.size, descriptor.digest) as writer:
        offset = writer.status().offset
        with fetcher.fetch(descriptor, offset) as blob:
            _copy(writer, blob, descriptor.size - offset, arrived)
        try:
            writer.commit(descriptor.size, descriptor.digest)
        except FailedPrecondition as error:
            failure = error.wrap(f'failed commit on ref "{ref}"')
        else:
            return True
    # Kept, they would spoil every later try.
    with suppress(Error):
        ingester.abort(ref)
    if not offset:
        raise failure
    return False


def _copy(writer: Writer, blob: RemoteBlob, size: int, arrived: Callable[[int], object]) -> None:
    """containerd: content.Copy. What a registry sends beyond `size` is not read."""
    while size > 0:
        try:
            data = blob.read(min(CHUNK, size))
            writer.write(data)
        except Error as error:
            raise error.wrap("failed to copy") from None
        if not data:
            raise RegistryError("failed to read expected number of bytes: unexpected EOF")
        size -= len(data)
        arrived(len(data))


def open_writer(ingester: Ingester, ref: str, size: int, expected: str) -> Writer:
    """Return a writer, as soon as nobody else has the ref. containerd: content.OpenWriter.

    Raises as `Ingester.writer`; `Unavailable` when whoever has it gets nowhere.
    """
    wait, known, since = 0.016, -1, time.monotonic()
    while True:
        try:
            return ingester.writer(ref, size, expected)
        except Unavailable:
            if (offset := _offset(ingester, ref)) != known:
                known, since = offset, time.monotonic()
            if time.monotonic() - since > LOCK_GUARD:
                raise
        time.sleep(random.uniform(0, wait))
        wait = min(2 * wait, _LONGEST_WAIT)


def _offset(ingester: Ingester, ref: str) -> int:
    try:
        return ingester.status(ref).offset
    except NotFound:
        return -1


def append_distribution_source(store: Store, descriptor: Descriptor, reference: Reference) -> None:
    """Say on a blob which registry has it, and in which repository.

    containerd: docker.AppendDistributionSourceLabel.
    """
    host = re.sub(":[0-9]*$", "", reference.host).strip("[]")
    key = f"{DISTRIBUTION_SOURCE}{host}"
    known = store.info(descriptor.digest).labels.get(key, "")
    value = ",".join(sorted({*filter(None, known.split(",")), reference.repository}))
    # A blob that very many repositories share would get a label that is too long: it goes without.
    with suppress(InvalidArgument):
        labels.validate(key, value)
        set_labels(store, descriptor.digest, {key: value})
