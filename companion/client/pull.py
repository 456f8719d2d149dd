"""Pulling: an image from a registry, and the record that names it. containerd: client/pull.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from companion.client.fetching import Fetching
from companion.client.image import Image
from companion.client.progress import Progress
from companion.client.reference import Reference
from companion.client.remotes.resolver import Resolver
from companion.client.unpack import pull_labels
from companion.client.unpack import unpack as unpack_layers
from companion.core import content, images
from companion.core.manifests import read_manifest
from companion.core.platforms import Matcher

if TYPE_CHECKING:
    from companion.client.client import Client


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image comes from; without a `resolver`, from the registry that its name says."""

    ref: str
    labels: Mapping[str, str]
    resolver: Resolver | None
    progress: TextIO | None

    def fetch(self, store: content.Store, platform: Matcher | None, *, single: bool) -> images.Image:
        """Bring the image into a store: what `platform` matches, or with `single` the best of it.

        Its record is returned, and not written yet.
        """
        resolver = self.resolver or Resolver()
        target = resolver.resolve(self.ref)
        reference = Reference.parse(self.ref)
        with resolver.fetcher(self.ref) as fetcher, Progress(self.ref, self.progress) as progress:
            fetching = Fetching(store, fetcher, reference, progress, platform=platform, single=single)
            fetching.run(target)
        return images.Image(self.ref, target, self.labels)


def fetch(client: Client, source: Source, platform: Matcher | None) -> images.Image:
    """Bring an image, and write its record. containerd: Client.Fetch."""
    with client.with_lease():
        record = source.fetch(client.content_store, platform, single=False)
        return images.put(client.image_service, record)


def pull(client: Client, source: Source, platform: Matcher, *, unpack: bool, snapshotter: str) -> Image:
    """Bring an image for one platform, unpack it if asked, and write its record. containerd: Client.Pull."""
    with client.with_lease():
        record = source.fetch(client.content_store, platform, single=True)
        if unpack:
            manifest = read_manifest(client.content_store, record.target, platform)
            unpack_layers(client, manifest, snapshotter, pull_labels)
        return Image(client, images.put(client.image_service, record), platform)
