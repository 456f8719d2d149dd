"""Image records and messages. containerd: imageToProto and imageFromProto."""

from __future__ import annotations

from companion.api.services.images.v1 import images_pb2 as pb
from companion.convert import descriptors, times
from companion.core.images import Image


def to_message(image: Image) -> pb.Image:
    """Return the message of a record."""
    message = pb.Image(name=image.name, labels=image.labels, target=descriptors.to_message(image.target))
    if image.created_at is not None:
        message.created_at.CopyFrom(times.to_timestamp(image.created_at))
    if image.updated_at is not None:
        message.updated_at.CopyFrom(times.to_timestamp(image.updated_at))
    return message


def from_message(message: pb.Image) -> Image:
    """Return the record of a message; a missing target is an empty one."""
    return Image(
        name=message.name,
        target=descriptors.from_message(message.target),
        labels=dict(sorted(message.labels.items())),
        created_at=times.from_timestamp(message.created_at),
        updated_at=times.from_timestamp(message.updated_at),
    )


def encode(image: Image) -> bytes:
    """Return the bytes of a record, the same on the wire and in the database."""
    return to_message(image).SerializeToString()


def decode(raw: bytes) -> Image:
    """Return the record that `encode` was given."""
    return from_message(pb.Image.FromString(raw))
