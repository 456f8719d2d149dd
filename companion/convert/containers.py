"""Container records and messages. containerd: containerToProto and containerFromProto."""

from __future__ import annotations

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.convert import times, typeurl
from companion.core.containers import Container, RuntimeInfo


def to_message(container: Container) -> pb.Container:
    """Return the message of a record; the runtime message is always present, as containerd sends it."""
    runtime = pb.Container.Runtime(name=container.runtime.name)
    if container.runtime.options is not None:
        runtime.options.CopyFrom(typeurl.to_message(container.runtime.options))
    message = pb.Container(
        id=container.id,
        labels=container.labels,
        image=container.image,
        runtime=runtime,
        snapshotter=container.snapshotter,
        snapshot_key=container.snapshot_key,
        sandbox=container.sandbox,
    )
    if container.spec is not None:
        message.spec.CopyFrom(typeurl.to_message(container.spec))
    if container.created_at is not None:
        message.created_at.CopyFrom(times.to_timestamp(container.created_at))
    if container.updated_at is not None:
        message.updated_at.CopyFrom(times.to_timestamp(container.updated_at))
    for name, extension in container.extensions.items():
        message.extensions[name].CopyFrom(typeurl.to_message(extension))
    return message


def from_message(message: pb.Container) -> Container:
    """Return the record of a message; a missing runtime message is an empty one."""
    runtime = message.runtime
    return Container(
        id=message.id,
        labels=dict(sorted(message.labels.items())),
        image=message.image,
        runtime=RuntimeInfo(
            name=runtime.name,
            options=typeurl.from_message(runtime.options) if runtime.HasField("options") else None,
        ),
        spec=typeurl.from_message(message.spec) if message.HasField("spec") else None,
        snapshotter=message.snapshotter,
        snapshot_key=message.snapshot_key,
        created_at=times.from_timestamp(message.created_at),
        updated_at=times.from_timestamp(message.updated_at),
        extensions={name: typeurl.from_message(value) for name, value in sorted(message.extensions.items())},
        sandbox=message.sandbox,
    )


def encode(container: Container) -> bytes:
    """Return the bytes of a record, the same on the wire and in the database."""
    return to_message(container).SerializeToString()


def decode(raw: bytes) -> Container:
    """Return the record that `encode` was given."""
    return from_message(pb.Container.FromString(raw))
