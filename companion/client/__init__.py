"""Floor 1: the client proxy, what a program embeds. containerd: client."""

from companion.client.client import Client
from companion.client.container import Container
from companion.client.container_opts import (
    with_additional_container_labels,
    with_container_extension,
    with_container_labels,
    with_image_name,
    with_new_spec,
    with_runtime,
    with_snapshot,
    with_snapshot_cleanup,
    with_snapshotter,
    with_spec,
)
from companion.core.namespaces import namespace

__all__ = [
    "Client",
    "Container",
    "namespace",
    "with_additional_container_labels",
    "with_container_extension",
    "with_container_labels",
    "with_image_name",
    "with_new_spec",
    "with_runtime",
    "with_snapshot",
    "with_snapshot_cleanup",
    "with_snapshotter",
    "with_spec",
]
