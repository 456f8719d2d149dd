"""Pulling: an image from a registry, and the record that names it. containerd: client/pull.go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from companion.client.fetching import Fetching
from companion.client.progress import Progress
from companion.client.remotes.reference import Reference
from companion.client.remotes.resolver import Resolver
from companion.core import content, images
from companion.core.content import Descriptor
from companion.core.errors import AlreadyExists, NotFound
from companion.core.images import Image
from companion.core.platforms import Matcher


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image comes from; without a `resolver`, from the registry that its name says."""

    ref: str
    resolver: Resolver | None = None
    progress: TextIO | None = None

    def fetch(self, store: content.Store, platform: Matcher | None, *, single: bool) -> Descriptor:
        """Bring the image into a store: for what `platform` matches, or with `single` the best of it."""
        resolver = self.resolver or Resolver()
        target = resolver.resolve(self.ref)
        reference = Reference.parse(self.ref)
        with resolver.fetcher(self.ref) as fetcher, Progress(self.ref, self.progress) as progress:
            fetching = Fetching(store, fetcher, reference, progress, platform=platform, single=single)
            fetching.run(target)
        return target


def create_new_image(store: images.Store, image: Image) -> Image:
    """Write the record, in place of one that has its name. containerd: Client.createNewImage."""
    while True:
        try:
            return store.create(image)
        except AlreadyExists:
            pass
        try:
            return store.update(image)
        except NotFound:
            # Somebody has deleted it in between.
            continue
