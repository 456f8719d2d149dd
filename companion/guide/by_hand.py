"""Images small enough to be written by hand: blobs that are a line of text, and names for them."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO

from companion.client import Client
from companion.core import media_types
from companion.core.blobs import write_blob
from companion.core.content import Descriptor
from companion.core.images import Image

TEXTS: dict[str, str] = {}
"""What `put` has written, by digest."""


def put(client: Client, text: str, *needs: str) -> str:
    """Write a blob, with a label for each digest that it needs; return its own digest."""
    digest = f"sha256:{sha256(text.encode()).hexdigest()}"
    labels = {f"containerd.io/gc.ref.content.{number}": need for number, need in enumerate(needs)}
    write_blob(client.content_store, text, BytesIO(text.encode()), labels=labels)
    TEXTS[digest] = text
    return digest


def name_image(client: Client, name: str, digest: str) -> None:
    """Let the name of an image stand for a blob. Raises `AlreadyExists`."""
    client.image_service.create(Image(name, Descriptor(media_types.OCI_MANIFEST, digest, 1)))
