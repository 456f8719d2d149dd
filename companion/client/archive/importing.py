"""Images out of an archive. containerd: client/import.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from companion.client.archive import docker
from companion.client.archive.layout import IMAGE_NAME, INDEX_FILE, LAYOUT_VERSION, REF_NAME
from companion.client.archive.reader import Contents, read_archive
from companion.core import digests, images
from companion.core.content import Descriptor, Info, Store
from companion.core.documents import Document
from companion.core.errors import AlreadyExists, InvalidArgument, NotFound
from companion.core.image_parts import child_labels
from companion.core.images import Image
from companion.core.manifests import MAX_DEPTH, children, matching, too_deep
from companion.core.media_types import OCI_INDEX, is_index
from companion.core.platforms import Matcher
from companion.core.quote import quote


def import_archive(
    store: Store, records: images.Store, file: BinaryIO, base_name: str, platform: Matcher | None
) -> list[Image]:
    """Read an archive into a content store, and make or change the records of the images that it names.

    Records are written once all else is in place. containerd: Client.Import.
    """
    contents = read_archive(store, file)
    index = docker.write_index(store, contents) if contents.layout is None else _index(contents)
    found = children(store, index)
    if not matching(found, platform):
        raise NotFound("image might be filtered out")
    given = [Image(name, target=entry) for entry in found if (name := _name(entry.annotations, base_name))]
    for image in given:
        _check(store, image)
    _hold(store, [index], platform)
    return [_put(records, image) for image in given]


def _index(contents: Contents) -> Descriptor:
    version = Document(contents.layout, "oci-layout").text("imageLayoutVersion")
    if version != LAYOUT_VERSION:
        raise InvalidArgument(f"unsupported OCI version {version}")
    if INDEX_FILE not in contents.blobs:
        raise NotFound(f"missing index.json in OCI layout {version}")
    return replace(contents.blobs[INDEX_FILE], media_type=OCI_INDEX)


def _name(annotations: Mapping[str, str], base_name: str) -> str:
    """Return the name of an image, or nothing. containerd: imageName and archive.AddRefPrefix."""
    name, ref = annotations.get(IMAGE_NAME, ""), annotations.get(REF_NAME, "")
    if name or not (ref and base_name) or set(ref) & set("/:@"):
        return name or ref
    return f"{base_name}:{ref}"


def _check(store: Store, image: Image) -> None:
    """Refuse what the daemon would refuse, and what is not there as it is described."""
    try:
        digests.validate(image.target.digest)
    except InvalidArgument as error:
        raise error.wrap(f"image {quote(image.name)}") from None
    if not image.target.media_type:
        raise InvalidArgument(f"image {quote(image.name)}: target has no media type")
    size = store.info(image.target.digest).size
    if size != image.target.size:
        raise InvalidArgument(f"image {quote(image.name)}: target has {size} bytes, not {image.target.size}")


def _hold(store: Store, top: Sequence[Descriptor], platform: Matcher | None) -> None:
    """Let every blob hold its children. containerd: images.Walk with SetChildrenLabels."""
    seen: set[str] = set()
    level = list(top)
    # Indexes in one another, a manifest, and what it names.
    for _ in range(MAX_DEPTH + 2):
        parents = {each.digest: each for each in level if each.digest not in seen}
        seen.update(parents)
        level = [child for each in parents.values() for child in _hold_children(store, each, platform)]
        if not level:
            return
    raise too_deep(top[0])


def _hold_children(store: Store, parent: Descriptor, platform: Matcher | None) -> Sequence[Descriptor]:
    found: Sequence[Descriptor] = children(store, parent)
    if is_index(parent.media_type):
        found = matching(found, platform)
    if labels := child_labels(found):
        store.update(Info(parent.digest, labels=labels), *(f"labels.{key}" for key in labels))
    return found


def _put(records: images.Store, image: Image) -> Image:
    while True:
        with suppress(NotFound):
            return records.update(image, "target")
        # Another import may make it now.
        with suppress(AlreadyExists):
            return records.create(image)
