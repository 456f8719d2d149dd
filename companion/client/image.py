"""The handle of an image. containerd: client/image.go."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from companion.client.unpack import unpack
from companion.core import images
from companion.core.content import Descriptor, Info
from companion.core.errors import InvalidArgument, NotFound
from companion.core.image_config import ImageConfig, chain_id, read_image_config
from companion.core.image_parts import walk
from companion.core.labels import GC_REF_SNAPSHOT
from companion.core.manifests import Manifest, children, find_manifest, read_manifest
from companion.core.media_types import is_image_config
from companion.core.platforms import Matcher
from companion.core.trace import traced

if TYPE_CHECKING:
    from companion.client.client import Client


@traced("client")
class Image:
    """An image as a program holds it: its record, a platform, and a way to the daemon.

    Where the image is an index, all methods but `usage` mean the manifest that is best for `platform`.
    Those that read the image raise `NotFound` for what is not there, also when no platform matches, and
    `InvalidArgument` for documents that are none. containerd: client.Image.
    """

    def __init__(self, client: Client, record: images.Image, platform: Matcher) -> None:
        self._client, self._record, self._platform = client, record, platform

    @property
    def name(self) -> str:
        """The name of the image."""
        return self._record.name

    @property
    def target(self) -> Descriptor:
        """What the name stands for: an index or a manifest."""
        return self._record.target

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the record."""
        return self._record.labels

    @property
    def metadata(self) -> images.Image:
        """The record, as it was when the handle was made. containerd: Image.Metadata."""
        return self._record

    @property
    def platform(self) -> Matcher:
        """Which platforms will do, the best first."""
        return self._platform

    def manifest(self) -> Manifest:
        """Return the manifest: config and layers."""
        return read_manifest(self._client.content_store, self.target, self._platform)

    def config(self) -> Descriptor:
        """Return the descriptor of the config."""
        return self.manifest().config

    def spec(self) -> ImageConfig:
        """Return the config."""
        config = self.config()
        if not is_image_config(config.media_type):
            raise InvalidArgument(f"unknown image config media type {config.media_type}")
        return read_image_config(self._client.content_store, config.digest)

    def rootfs(self) -> tuple[str, ...]:
        """Return the diff ids: the digests of the unpacked layers, the lowest first. containerd: RootFS."""
        return read_image_config(self._client.content_store, self.config().digest).diff_ids

    def chain_id(self) -> str:
        """Return the name of the snapshot that all its layers make. OCI: identity.ChainID."""
        return chain_id(self.rootfs())

    def size(self) -> int:
        """Return the bytes to fetch for it, as its descriptors tell them. containerd: Image.Size."""
        found = find_manifest(self._client.content_store, self.target, self._platform)
        parts = (self.target, found, *children(self._client.content_store, found))
        # What stands in it twice is fetched once; a size of -1 stands for one that nobody knows.
        return sum({each.digest: max(0, each.size) for each in parts}.values())

    def usage(self, *, snapshots: bool = False) -> int:
        """Return the bytes that are there, for all platforms, if asked also those of snapshots.

        containerd: Image.Usage, WithSnapshotUsage.
        """
        store, used = self._client.content_store, 0
        for descriptor in walk(store, self.target):
            with suppress(NotFound):
                info = store.info(descriptor.digest)
                used += info.size + (self._snapshots(info) if snapshots else 0)
        return used

    def is_unpacked(self, snapshotter: str = "") -> bool:
        """Return whether its layers are snapshots; without a name, in the default snapshotter."""
        service = self._client.snapshot_service(snapshotter)
        with suppress(NotFound):
            service.stat(self.chain_id())
            return True
        return False

    def unpack(self, snapshotter: str = "") -> None:
        """Make a snapshot of each layer that has none; without a name, in the default snapshotter.

        Labels let the garbage collector know what holds what; until then, a lease holds it.
        Raises as `unpack`. containerd: Image.Unpack.
        """
        with self._client.with_lease():
            unpack(self._client, self.manifest(), snapshotter)

    def __repr__(self) -> str:
        return f"Image({self.name!r})"

    def _snapshots(self, info: Info) -> int:
        used = 0
        for label, key in info.labels.items():
            if label.startswith(GC_REF_SNAPSHOT):
                # It may be gone, and so may its snapshotter.
                with suppress(NotFound, InvalidArgument):
                    used += self._client.snapshot_service(label.removeprefix(GC_REF_SNAPSHOT)).usage(key).size
        return used
