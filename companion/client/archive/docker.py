"""Archives that `docker save` writes: an index for the images that their manifest.json lists."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

from companion.client.archive.docker_names import DockerName
from companion.client.archive.layout import Json, descriptor, document, index, named
from companion.client.archive.reader import Contents
from companion.core import digests
from companion.core.blobs import write_blob
from companion.core.content import Descriptor, Store
from companion.core.documents import Document
from companion.core.errors import InvalidArgument, NotFound
from companion.core.image_config import read_image_config
from companion.core.labels import UNCOMPRESSED
from companion.core.media_types import (
    DOCKER_CONFIG,
    DOCKER_GZIP_LAYER,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    OCI_INDEX,
)
from companion.core.platforms import normalize
from companion.core.quote import quote

_GZIP, _ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"


def write_index(store: Store, contents: Contents) -> Descriptor:
    """Write manifests of the images, and an index of them, and return its descriptor.

    Raises `NotFound` for a file that the archive lacks, `InvalidArgument` for one that is none.
    containerd: the second half of archive.ImportIndex.
    """
    if not isinstance(contents.docker, list):
        raise InvalidArgument("unrecognized image format")
    blobs = _with_links(contents)
    listed = [Document(value, "manifest.json") for value in contents.docker]
    entries = [entry for image in listed for entry in _entries(store, blobs, image)]
    return _write(store, index(entries), OCI_INDEX)


def _with_links(contents: Contents) -> dict[str, Descriptor]:
    blobs = dict(contents.blobs)
    for name, target in contents.links.items():
        if target not in contents.blobs:
            raise NotFound(f"no target for symlink layer from {quote(name)} to {quote(target)}")
        blobs[name] = contents.blobs[target]
    return blobs


def _entries(store: Store, blobs: dict[str, Descriptor], image: Document) -> list[Descriptor]:
    """Return the image under each of its names; without any, once without a name."""
    config = replace(_file(blobs, image.text("Config"), "image config"), media_type=DOCKER_CONFIG)
    layers = _layers(store, [_file(blobs, name, "layer") for name in image.texts("Layers")])
    manifest = _write(store, _manifest(config, layers), DOCKER_MANIFEST)
    entry = replace(manifest, platform=normalize(read_image_config(store, config.digest).platform))
    names = [_normalized(name) for name in image.texts("RepoTags")]
    return [named(entry, name) for name in names] or [entry]


def _file(blobs: dict[str, Descriptor], name: str, kind: str) -> Descriptor:
    if name not in blobs:
        raise NotFound(f"{kind} {quote(name)}")
    return blobs[name]


def _normalized(name: str) -> str:
    try:
        return DockerName.parse(name).normalized
    except InvalidArgument as error:
        raise error.wrap(f"normalize image ref {quote(name)}") from None


def _layers(store: Store, layers: Sequence[Descriptor]) -> list[Descriptor]:
    """Return the layers with their media types; where the store has one compressed, that one.

    containerd: resolveLayers.
    """
    filters = [f'labels."{UNCOMPRESSED}"=={layer.digest}' for layer in layers]
    known = {
        info.labels[UNCOMPRESSED]: Descriptor(DOCKER_GZIP_LAYER, info.digest, info.size)
        for info in (store.list(*filters) if filters else ())
    }
    return [known.get(layer.digest) or _typed(store, layer) for layer in layers]


def _typed(store: Store, layer: Descriptor) -> Descriptor:
    with store.reader_at(layer.digest) as blob:
        compressed = blob.read(len(_ZSTD)).startswith((_GZIP, _ZSTD))
    return replace(layer, media_type=DOCKER_GZIP_LAYER if compressed else DOCKER_LAYER)


def _manifest(config: Descriptor, layers: Sequence[Descriptor]) -> Json:
    return {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": descriptor(config),
        "layers": [descriptor(layer) for layer in layers],
    }


def _write(store: Store, value: Json, media_type: str) -> Descriptor:
    raw = document(value)
    digest = digests.from_bytes(raw)
    write_blob(store, f"manifest-{digest}", io.BytesIO(raw), size=len(raw), expected=digest)
    return Descriptor(media_type, digest, len(raw))
