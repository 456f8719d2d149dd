"""Descriptors and their messages; URLs and platform do not travel. containerd: oci.DescriptorToProto."""

from __future__ import annotations

from companion.api.types import descriptor_pb2 as pb
from companion.core.content import Descriptor


def to_message(descriptor: Descriptor) -> pb.Descriptor:
    """Return the message of a descriptor."""
    return pb.Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        annotations=descriptor.annotations,
    )


def from_message(message: pb.Descriptor) -> Descriptor:
    """Return the descriptor of a message."""
    return Descriptor(
        message.media_type, message.digest, message.size, dict(sorted(message.annotations.items()))
    )
