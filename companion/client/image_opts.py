"""Options of a new container that come from an image. containerd: client/container_opts.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from companion.client.client import Client
from companion.client.container_opts import NewContainerOpt, with_additional_container_labels
from companion.client.image import Image
from companion.core.containers import Container
from companion.core.labels import STOP_SIGNAL


def with_image(image: Image) -> NewContainerOpt:
    """Remember the name of the image. containerd: WithImage."""
    return lambda client, container: replace(container, image=image.name)


def with_new_snapshot(key: str, image: Image, labels: Mapping[str, str] | None = None) -> NewContainerOpt:
    """Make a snapshot on top of the image's, to be the root file system. containerd: WithNewSnapshot.

    It is made in the snapshotter that the record names, or its default, where the image must be unpacked.
    Raises `AlreadyExists` for the key, `NotFound` where the image is not unpacked, and what reading the
    image raises.
    """

    def opt(client: Client, container: Container) -> Container:
        parent, made = image.chain_id(), _on_snapshot(client, container, key, image)
        client.snapshot_service(made.snapshotter).prepare(key, parent, labels)
        return made

    return opt


def with_new_snapshot_view(
    key: str, image: Image, labels: Mapping[str, str] | None = None
) -> NewContainerOpt:
    """As `with_new_snapshot`, with a snapshot that is only read. containerd: WithNewSnapshotView."""

    def opt(client: Client, container: Container) -> Container:
        parent, made = image.chain_id(), _on_snapshot(client, container, key, image)
        client.snapshot_service(made.snapshotter).view(key, parent, labels)
        return made

    return opt


def with_image_config_labels(image: Image) -> NewContainerOpt:
    """Replace the labels by those of the image's config. containerd: WithImageConfigLabels.

    Raises what reading the image raises.
    """
    return lambda client, container: replace(container, labels=dict(image.spec().labels))


def with_image_stop_signal(image: Image, default: str) -> NewContainerOpt:
    """Label the container with the signal that stops the image's program, or with `default`.

    Raises what reading the image raises. containerd: WithImageStopSignal.
    """

    def opt(client: Client, container: Container) -> Container:
        labels = {STOP_SIGNAL: image.spec().stop_signal or default}
        return with_additional_container_labels(labels)(client, container)

    return opt


def _on_snapshot(client: Client, container: Container, key: str, image: Image) -> Container:
    snapshotter = client.resolve_snapshotter(container.snapshotter)
    return replace(container, snapshotter=snapshotter, snapshot_key=key, image=image.name)
