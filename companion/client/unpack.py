"""From the layers of an image to snapshots. containerd: Image.Unpack, and the unpacker of a pull."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from companion.client.rootfs import apply_layer
from companion.core.blobs import set_labels
from companion.core.content import Descriptor
from companion.core.errors import InvalidArgument
from companion.core.image_config import chain_id, read_image_config
from companion.core.labels import GC_REF_SNAPSHOT, UNCOMPRESSED
from companion.core.manifests import Manifest
from companion.core.snapshots import TARGET, inherited

if TYPE_CHECKING:
    from companion.client.client import Client

Labels = Callable[[Descriptor, str], Mapping[str, str]]
"""From a layer and the chain id of its snapshot to the labels of that."""


def no_labels(blob: Descriptor, chain: str) -> Mapping[str, str]:
    """Return what a snapshot says of its layer when an image is unpacked by itself: nothing."""
    return {}


def pull_labels(blob: Descriptor, chain: str) -> Mapping[str, str]:
    """Return what a snapshot says of its layer when a pull unpacks it: a snapshotter may know it already."""
    return {**inherited(blob.annotations), TARGET: chain}


def unpack(client: Client, manifest: Manifest, snapshotter: str, labels: Labels = no_labels) -> None:
    """Make a snapshot of each layer that has none; without a name, in the default snapshotter.

    Raises `InvalidArgument` for a config of other layers, and as `apply_layer`.
    """
    name, store = client.resolve_snapshotter(snapshotter), client.content_store
    service, differ = client.snapshot_service(name), client.diff_service
    diff_ids = read_image_config(store, manifest.config.digest).diff_ids
    if len(diff_ids) != len(manifest.layers):
        raise InvalidArgument("mismatched image rootfs and manifest layers")

    for level, (blob, diff_id) in enumerate(zip(manifest.layers, diff_ids, strict=True)):
        told = labels(blob, chain_id(diff_ids[: level + 1]))
        if apply_layer(blob, diff_id, diff_ids[:level], service, differ, labels=told):
            set_labels(store, blob.digest, {UNCOMPRESSED: diff_id})
    set_labels(store, manifest.config.digest, {f"{GC_REF_SNAPSHOT}{name}": chain_id(diff_ids)})
