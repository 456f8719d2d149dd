"""Images out of an archive. containerd: client/import.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from companion.client.archive import docker
from companion.client.archive.layout import IMAGE_NAME, INDEX_FILE, LAYOUT_VERSION, REF_NAME
from companion.client.archive.reader import Contents, read_archive
from companion.core import digests, images
from companion.core.content import Descriptor, Store
from companion.core.documents import Document
from companion.core.errors import InvalidArgument, NotFound
from companion.core.image_parts import set_children_labels, visit
from companion.core.images import Image
from companion.core.manifests import children, matching
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
    _hold(store, index, platform)
    return [images.put(records, image, "target") for image in given]


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


def _hold(store: Store, top: Descriptor, platform: Matcher | None) -> None:
    """Let every blob hold its children. containerd: images.Walk with SetChildrenLabels."""
    for _ in visit(_hold_children(store, top, platform), lambda each: _hold_children(store, each, platform)):
        pass


def _hold_children(store: Store, parent: Descriptor, platform: Matcher | None) -> Sequence[Descriptor]:
    found: Sequence[Descriptor] = children(store, parent)
    if is_index(parent.media_type):
        found = matching(found, platform)
    set_children_labels(store, parent, found)
    return found
