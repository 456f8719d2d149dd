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
from companion.client.image import Image
from companion.client.image_opts import (
    with_image,
    with_image_config_labels,
    with_image_stop_signal,
    with_new_snapshot,
    with_new_snapshot_view,
)
from companion.client.oci import with_image_config, with_image_config_args
from companion.core.namespaces import namespace

__all__ = [
    "Client",
    "Container",
    "Image",
    "namespace",
    "with_additional_container_labels",
    "with_container_extension",
    "with_container_labels",
    "with_image",
    "with_image_config",
    "with_image_config_args",
    "with_image_config_labels",
    "with_image_name",
    "with_image_stop_signal",
    "with_new_snapshot",
    "with_new_snapshot_view",
    "with_new_spec",
    "with_runtime",
    "with_snapshot",
    "with_snapshot_cleanup",
    "with_snapshotter",
    "with_spec",
]
