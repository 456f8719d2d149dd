"""Mounts and their messages. containerd: toMounts and fromMounts."""

from __future__ import annotations

from companion.api.types import mount_pb2 as pb
from companion.core.mounts import Mount


def to_message(mount: Mount) -> pb.Mount:
    """Return the message of a mount."""
    return pb.Mount(type=mount.type, source=mount.source, target=mount.target, options=mount.options)


def from_message(message: pb.Mount) -> Mount:
    """Return the mount of a message."""
    return Mount(message.type, message.source, tuple(message.options), message.target)
