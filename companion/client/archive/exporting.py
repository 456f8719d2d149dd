"""Images into an archive. containerd: core/images/archive/exporter.go."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from typing import BinaryIO

from companion.client.archive.docker_names import DockerName
from companion.client.archive.hashing import HashingReader
from companion.client.archive.layout import (
    DOCKER_FILE,
    IMAGE_NAME,
    INDEX_FILE,
    LAYOUT_FILE,
    LAYOUT_VERSION,
    blob_name,
    document,
    index,
    named,
)
from companion.core.content import Descriptor, Provider
from companion.core.errors import DataLoss, InvalidArgument, NotFound
from companion.core.image_parts import visit
from companion.core.images import Image
from companion.core.manifests import children, matching, read_manifest
from companion.core.media_types import is_index, is_manifest
from companion.core.platforms import Matcher
from companion.core.quote import quote


def export_archive(
    provider: Provider,
    file: BinaryIO,
    images: Iterable[Image],
    platform: Matcher,
    *,
    all_platforms: bool,
) -> None:
    """Write images, so that the same images give the same bytes.

    Nothing is written before all that belongs to them has been found. containerd: archive.Export.
    """
    export = _Export(provider, platform, all_platforms)
    for image in images:
        export.add(named(image.target, image.name))
    documents = export.documents()
    export.check()
    with tarfile.open(fileobj=file, mode="w|") as archive:
        export.write_blobs(archive)
        for name, (mode, data) in sorted(documents.items()):
            archive.addfile(_member(name, mode, len(data)), io.BytesIO(data))


class _Export:
    """What is to be written: blobs by their digests, images in their order, and their names for docker."""

    def __init__(self, provider: Provider, platform: Matcher, all_platforms: bool) -> None:
        self._provider, self._platform, self._all_platforms = provider, platform, all_platforms
        self._images: list[Descriptor] = []
        self._blobs: dict[str, Descriptor] = {}
        self._docker: dict[str, tuple[Descriptor, list[str]]] = {}

    def add(self, image: Descriptor) -> None:
        """Add an image; of an index the manifests that are wanted."""
        self._images.append(image)
        if is_index(image.media_type):
            self._blobs[image.digest] = image
            found = children(self._provider, image)
            fits = matching(found, self._platform)
            self._add_all(found if self._all_platforms else fits)
            if not fits:
                raise NotFound("no manifest found for platform")
            self._tell_docker(fits[0], image)
        elif is_manifest(image.media_type):
            self._add_all([image])
            self._tell_docker(image, image)
        else:
            raise InvalidArgument("only manifests may be exported")

    def _add_all(self, targets: Iterable[Descriptor]) -> None:
        for each in visit(targets, lambda parent: children(self._provider, parent)):
            self._blobs.setdefault(each.digest, each)

    def _tell_docker(self, manifest: Descriptor, image: Descriptor) -> None:
        _, names = self._docker.setdefault(manifest.digest, (manifest, []))
        names.append(_familiar(image.annotations[IMAGE_NAME]))

    def documents(self) -> dict[str, tuple[int, bytes]]:
        """Return mode and bytes of the files that are no blobs."""
        listed = [self._listed(manifest, names) for manifest, names in self._docker.values()]
        return {
            LAYOUT_FILE: (0o444, document({"imageLayoutVersion": LAYOUT_VERSION})),
            INDEX_FILE: (0o644, document(index(self._images))),
            DOCKER_FILE: (0o644, document(listed)),
        }

    def _listed(self, target: Descriptor, names: list[str]) -> dict[str, object]:
        manifest = read_manifest(self._provider, target)
        return {
            "Config": blob_name(manifest.config.digest),
            "RepoTags": names,
            "Layers": [blob_name(layer.digest) for layer in manifest.layers],
        }

    def check(self) -> None:
        """Raise `NotFound` for a blob that is not there, `InvalidArgument` for one of another size."""
        for blob in self._blobs.values():
            size = self._provider.info(blob.digest).size
            if size != blob.size:
                raise InvalidArgument(f"content {blob.digest} has {size} bytes, not {blob.size}")

    def write_blobs(self, archive: tarfile.TarFile) -> None:
        """Write the blobs, bytewise by name, after the directories that they are in."""
        directories = {"blobs/", *(blob_name(f"{digest.partition(':')[0]}:") for digest in self._blobs)}
        names = {blob_name(digest): blob for digest, blob in self._blobs.items()}
        for name in sorted((*directories, *names)):
            if name in names:
                self._write_blob(archive, name, names[name])
            else:
                archive.addfile(_member(name, 0o755, type=tarfile.DIRTYPE))

    def _write_blob(self, archive: tarfile.TarFile, name: str, blob: Descriptor) -> None:
        with self._provider.reader_at(blob.digest) as source:
            hashed = HashingReader(source, blob.digest.partition(":")[0])
            archive.addfile(_member(name, 0o444, blob.size), hashed)
        if hashed.digest != blob.digest:
            raise DataLoss(f"unexpected digest {hashed.digest} copied, expected {blob.digest}")


def _member(name: str, mode: int, size: int = 0, type: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.size, member.type = mode, size, type
    return member


def _familiar(name: str) -> str:
    try:
        return DockerName.parse(name).familiar
    except InvalidArgument as error:
        raise error.wrap(f"failed to parse {quote(name)}").wrap("unable to create manifests file") from None
