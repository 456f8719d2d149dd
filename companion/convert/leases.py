"""Lease records and messages. containerd: leaseToGRPC, and the conversions of its lease manager proxy."""

from __future__ import annotations

from companion.api.services.leases.v1 import leases_pb2 as pb
from companion.convert import times
from companion.core.leases import Lease, Resource


def to_message(lease: Lease) -> pb.Lease:
    """Return the message of a record."""
    message = pb.Lease(id=lease.id, labels=lease.labels)
    if lease.created_at is not None:
        message.created_at.CopyFrom(times.to_timestamp(lease.created_at))
    return message


def from_message(message: pb.Lease) -> Lease:
    """Return the record of a message."""
    return Lease(
        id=message.id,
        created_at=times.from_timestamp(message.created_at),
        labels=dict(sorted(message.labels.items())),
    )


def resource_to_message(resource: Resource) -> pb.Resource:
    """Return the message of a resource."""
    return pb.Resource(id=resource.id, type=resource.type)


def resource_from_message(message: pb.Resource) -> Resource:
    """Return the resource of a message."""
    return Resource(message.id, message.type)


def encode(lease: Lease) -> bytes:
    """Return the bytes of a record, the same on the wire and in the database."""
    return to_message(lease).SerializeToString()


def decode(raw: bytes) -> Lease:
    """Return the record that `encode` was given."""
    return from_message(pb.Lease.FromString(raw))
