"""Images made in memory and written straight into a content store."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from companion.client import Client, Image
from companion.core import content, images
from companion.core.blobs import write_blob
from companion.core.content import Descriptor
from companion.core.image_parts import set_children_labels, walk
from companion.core.manifests import children
from companion.core.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from companion.core.platforms import Platform, default, parse


@dataclass(frozen=True)
class Blobs:
    """An image, or an index of images: its descriptor, and all blobs by digest, children first."""

    target: Descriptor
    data: Mapping[str, bytes]
    platform: Platform | None = None


def layer(files: Mapping[str, str] | None = None, **links: str) -> bytes:
    """Return the archive of files by path, and of symbolic links by name; a path that ends in `/` is a
    directory."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as members:
        for path, text in (files or {}).items():
            member = tarfile.TarInfo(path.rstrip("/"))
            member.type = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
            member.mode = 0o755 if path.endswith("/") else 0o644
            member.size = len(text.encode())
            members.addfile(member, io.BytesIO(text.encode()))
        for path, target in links.items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            members.addfile(member)
    return archive.getvalue()


def image(
    *layers: bytes,
    platform: str = "",
    diff_ids: Sequence[str] = (),
    config_type: str = OCI_CONFIG,
    **config: Any,
) -> Blobs:
    """Return an image of these layers, stored compressed; `config` has the keys of OCI, such as `User`."""
    built_for = parse(platform or default())
    written = {
        "os": built_for.os,
        "architecture": built_for.architecture,
        **({"variant": built_for.variant} if built_for.variant else {}),
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest(each) for each in layers]},
    }
    data: dict[str, bytes] = {}
    stored = [_add(data, f"{OCI_LAYER}+gzip", gzip.compress(each, mtime=0)) for each in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": written_as(_add(data, config_type, encoded(written))),
        "layers": [written_as(each) for each in stored],
    }
    return Blobs(_add(data, OCI_MANIFEST, encoded(manifest)), data, built_for)


def index(*found: Blobs) -> Blobs:
    """Return an index of images and indexes, which names the platforms of images."""
    data = {digest: blob for each in found for digest, blob in each.data.items()}
    manifests = [{**written_as(each.target), **_platform(each.platform)} for each in found]
    value = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Blobs(_add(data, OCI_INDEX, encoded(value)), data)


def single(media_type: str, value: object) -> Blobs:
    """Return a blob of its own: anything as JSON, or bytes as they are."""
    data: dict[str, bytes] = {}
    return Blobs(_add(data, media_type, value if isinstance(value, bytes) else encoded(value)), data)


def write(store: content.Ingester, blobs: Blobs) -> Descriptor:
    """Write all blobs, and return what leads to them."""
    for name, data in blobs.data.items():
        write_blob(store, f"test-{name}", io.BytesIO(data), size=len(data), expected=name)
    return blobs.target


def label(store: content.Store, blobs: Blobs) -> None:
    """Let the blobs hold one another, as a pull does."""
    for each in walk(store, blobs.target):
        set_children_labels(store, each, children(store, each))


def put(client: Client, name: str, blobs: Blobs) -> Image:
    """Write an image as a pull does, with its record, and return its handle."""
    with client.with_lease():
        write(client.content_store, blobs)
        label(client.content_store, blobs)
        client.image_service.create(images.Image(name, blobs.target))
    return client.get_image(name)


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def written_as(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as documents have it."""
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}


def _add(data: dict[str, bytes], media_type: str, blob: bytes) -> Descriptor:
    data[digest(blob)] = blob
    return Descriptor(media_type, digest(blob), len(blob))


def _platform(platform: Platform | None) -> dict[str, Any]:
    if platform is None:
        return {}
    told = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
    return {"platform": {key: value for key, value in told.items() if value}}
