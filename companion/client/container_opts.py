"""Options: how a program fills the record of a new container. containerd: client/container_opts.go.

An option takes the client and the record so far and returns the record as it shall be. They run in
the order in which they are given.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from companion.client import oci
from companion.client.client import Client
from companion.core.containers import Container, RuntimeInfo
from companion.core.errors import InvalidArgument, NotFound
from companion.core.typeurl import Any

NewContainerOpt = Callable[[Client, Container], Container]


def with_runtime(name: str, options: Any | None = None) -> NewContainerOpt:
    """Use the runtime `name`, with options for it. containerd: WithRuntime."""
    return lambda client, container: replace(container, runtime=RuntimeInfo(name, options))


def with_image_name(name: str) -> NewContainerOpt:
    """Remember the name of an image, which need not exist. containerd: WithImageName."""
    return lambda client, container: replace(container, image=name)


def with_container_labels(labels: Mapping[str, str]) -> NewContainerOpt:
    """Replace the labels. containerd: WithContainerLabels."""
    return lambda client, container: replace(container, labels=dict(labels))


def with_additional_container_labels(labels: Mapping[str, str]) -> NewContainerOpt:
    """Lay labels over those there are. containerd: WithAdditionalContainerLabels."""
    return lambda client, container: replace(container, labels={**container.labels, **labels})


def with_container_extension(name: str, extension: Any) -> NewContainerOpt:
    """Attach data of the client's own. containerd: WithContainerExtension.

    Raises `InvalidArgument` without a name.
    """

    def opt(client: Client, container: Container) -> Container:
        if not name:
            raise InvalidArgument("extension key must not be zero-length")
        return replace(container, extensions={**container.extensions, name: extension})

    return opt


def with_snapshotter(name: str) -> NewContainerOpt:
    """Name the snapshotter that will keep the root file system. containerd: WithSnapshotter."""
    return lambda client, container: replace(container, snapshotter=name)


def with_snapshot(key: str) -> NewContainerOpt:
    """Use an active snapshot as root file system. containerd: WithSnapshot.

    Raises `NotFound` when there is none in the snapshotter that the record names, or its default.
    """

    def opt(client: Client, container: Container) -> Container:
        snapshotter = client.resolve_snapshotter(container.snapshotter)
        client.snapshot_service(snapshotter).mounts(key)  # only a snapshot that is there has any
        return replace(container, snapshotter=snapshotter, snapshot_key=key)

    return opt


def with_snapshot_cleanup(client: Client, container: Container) -> None:
    """Remove the container's snapshot along with the container. containerd: WithSnapshotCleanup.

    Raises `InvalidArgument` when nobody knows which snapshotter keeps it.
    """
    if not container.snapshot_key:
        return
    if not container.snapshotter:
        raise InvalidArgument("container.Snapshotter must be set to cleanup rootfs snapshot")
    with suppress(NotFound):
        client.snapshot_service(container.snapshotter).remove(container.snapshot_key)


def with_new_spec(*opts: oci.SpecOpt) -> NewContainerOpt:
    """Use containerd's default spec, changed by `opts`. containerd: WithNewSpec.

    Raises `FailedPrecondition` without a namespace, which is part of the spec.
    """
    return lambda client, container: replace(
        container, spec=oci.marshal(oci.generate_spec(client, container, *opts))
    )


def with_spec(spec: oci.Spec, *opts: oci.SpecOpt) -> NewContainerOpt:
    """Use a copy of this spec, changed by `opts`. containerd: WithSpec."""

    def opt(client: Client, container: Container) -> Container:
        changed = copy.deepcopy(spec)
        oci.compose(*opts)(client, container, changed)
        return replace(container, spec=oci.marshal(changed))

    return opt
