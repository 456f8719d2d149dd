"""What the files of an archive are called, and how its documents are written: as Go writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from companion.client.errors import RegistryError
from companion.client.reference import Reference
from companion.core.content import Descriptor
from companion.core.platforms import Platform

LAYOUT_FILE = "oci-layout"
LAYOUT_VERSION = "1.0.0"
INDEX_FILE = "index.json"
DOCKER_FILE = "manifest.json"

IMAGE_NAME = "io.containerd.image.name"
"""The annotation of an index's entry that has the whole name of the image."""

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation that has the tag, or whatever else stands behind the repository."""

Json = dict[str, Any]


def blob_name(digest: str) -> str:
    """Return where an archive keeps a blob."""
    algorithm, _, digits = digest.partition(":")
    return f"blobs/{algorithm}/{digits}"


def document(value: object) -> bytes:
    """Return JSON without white space, its members in the order that they have."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def named(entry: Descriptor, name: str) -> Descriptor:
    """Return a descriptor that says which image it is. containerd: addNameAnnotation."""
    annotations = {**entry.annotations, IMAGE_NAME: name, REF_NAME: _object(name)}
    return replace(entry, annotations=annotations)


def index(manifests: Iterable[Descriptor]) -> Json:
    """Return an index of these. OCI: Index."""
    return {"schemaVersion": 2, "manifests": [descriptor(manifest) for manifest in manifests]}


def descriptor(value: Descriptor) -> Json:
    """Return a descriptor, without the members that are empty. OCI: Descriptor."""
    found = {"mediaType": value.media_type, "digest": value.digest, "size": value.size}
    rest = {
        "urls": list(value.urls),
        "annotations": dict(sorted(value.annotations.items())),
        "platform": _platform(value.platform) if value.platform else {},
    }
    return {**found, **{name: member for name, member in rest.items() if member}}


def _object(name: str) -> str:
    """Return what stands behind the repository; what is no reference is returned as it is.

    containerd: ociReferenceName.
    """
    try:
        return Reference.parse(name).object
    except RegistryError:
        return name


def _platform(platform: Platform) -> Json:
    variant = {"variant": platform.variant} if platform.variant else {}
    return {"architecture": platform.architecture, "os": platform.os, **variant}
