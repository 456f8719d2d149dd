"""Images small enough to be written by hand: blobs that are a line of text, names for them, and layers."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from io import BytesIO

from companion.client import Client
from companion.core import digests, media_types
from companion.core.blobs import write_blob
from companion.core.content import Descriptor
from companion.core.images import Image
from companion.core.labels import GC_REF_CONTENT

TEXTS: dict[str, str] = {}
"""What `put` has written, by digest."""


def put(client: Client, text: str, *needs: str) -> str:
    """Write a blob, with a label for each digest that it needs; return its own digest."""
    digest = digests.from_bytes(text.encode())
    labels = {f"{GC_REF_CONTENT}.{number}": need for number, need in enumerate(needs)}
    write_blob(client.content_store, text, BytesIO(text.encode()), labels=labels)
    TEXTS[digest] = text
    return digest


def name_image(client: Client, name: str, digest: str) -> None:
    """Let the name of an image stand for a blob. Raises `AlreadyExists`."""
    client.image_service.create(Image(name, Descriptor(media_types.OCI_MANIFEST, digest, 1)))


def pack(files: Mapping[str, str]) -> bytes:
    """Return the archive of a layer with these files, in their order: the same bytes every time."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, BytesIO(text.encode()))
    return packed.getvalue()


def put_layer(client: Client, files: Mapping[str, str]) -> Descriptor:
    """Write the layer that `pack` makes of these files as a blob; return its descriptor.

    It is not compressed, so its digest is its diff id too.
    """
    data = pack(files)
    digest = digests.from_bytes(data)
    write_blob(client.content_store, digest, BytesIO(data))
    return Descriptor(media_types.OCI_LAYER, digest, len(data))
