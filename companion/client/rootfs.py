"""Layers become snapshots, each on top of the one below. containerd: pkg/rootfs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from companion.core.content import Descriptor
from companion.core.diff import Applier
from companion.core.errors import AlreadyExists, Error, InvalidArgument, NotFound
from companion.core.image_config import chain_id
from companion.core.leases import generate_id
from companion.core.mounts import Mount
from companion.core.quote import quote
from companion.core.snapshots import Snapshotter

MAX_TRIES = 3
"""How many keys are tried for a snapshot to unpack into: a key that is taken is rare."""


def apply_layer(
    blob: Descriptor,
    diff_id: str,
    below: Sequence[str],
    snapshotter: Snapshotter,
    applier: Applier,
    *,
    labels: Mapping[str, str] | None = None,
) -> bool:
    """Unpack a layer onto those whose diff ids are `below`; return False if somebody has done so already.

    The snapshot is named by the chain of them all, and has these labels. Nothing is left of one that fails.
    Raises `InvalidArgument` for a layer that is not what its diff id says, and what the daemon does.
    containerd: rootfs.ApplyLayer.
    """
    chain = chain_id([*below, diff_id])
    prepared = _prepared(snapshotter, chain, chain_id(below), labels)
    if prepared is None:
        return False
    key, mounts = prepared
    with suppress(AlreadyExists), _removed_on_failure(snapshotter, key):
        _extract(blob, diff_id, mounts, applier)
        with _failing(f"failed to commit snapshot {key}"):
            snapshotter.commit(chain, key, labels)
        return True
    return False


def _is_there(snapshotter: Snapshotter, chain: str) -> bool:
    with suppress(NotFound), _failing(f"failed to stat snapshot {chain}"):
        snapshotter.stat(chain)
        return True
    return False


def _prepared(
    snapshotter: Snapshotter, chain: str, parent: str, labels: Mapping[str, str] | None
) -> tuple[str, Sequence[Mount]] | None:
    """Return a snapshot to unpack into, or None where there is one of the whole chain."""
    key = ""
    for _ in range(MAX_TRIES):
        if _is_there(snapshotter, chain):
            return None
        key = f"extract-{generate_id()} {chain}"
        # With labels that name the chain, it may also be the chain that exists by now.
        with suppress(AlreadyExists), _failing(f"failed to prepare extraction snapshot {quote(key)}"):
            return key, snapshotter.prepare(key, parent, labels)
    raise AlreadyExists(f"failed to prepare extraction snapshot {quote(key)}")


@contextmanager
def _removed_on_failure(snapshotter: Snapshotter, key: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(Error):
            snapshotter.remove(key)
        raise


def _extract(blob: Descriptor, diff_id: str, mounts: Sequence[Mount], applier: Applier) -> None:
    with _failing(f"failed to extract layer {diff_id}"):
        applied = applier.apply(blob, mounts)
    if applied.digest != diff_id:
        raise InvalidArgument(f"wrong diff id calculated on extraction {quote(applied.digest)}")


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise error.wrap(what) from error
