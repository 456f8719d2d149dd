"""Media types: what kind of thing the bytes of a blob are. containerd: core/images/mediatypes.go."""

from __future__ import annotations

DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_GZIP_LAYER = f"{DOCKER_LAYER}.gzip"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar"

DOCKER_SCHEMA1_MANIFEST = "application/vnd.docker.distribution.manifest.v1+prettyjws"
"""The oldest manifest: known, so that it can be refused."""

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_GZIP_LAYER = f"{OCI_LAYER}+gzip"
OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"

_OCI_LAYERS = "application/vnd.oci.image.layer."
_DOCKER_LAYERS = {f"{layer}{end}" for layer in (DOCKER_LAYER, DOCKER_FOREIGN_LAYER) for end in ("", ".gzip")}
_CHECKPOINTS = {
    "application/vnd.containerd.container.criu.checkpoint.criu.tar",
    "application/vnd.containerd.container.checkpoint.config.v1+proto",
}


def is_index(media_type: str) -> bool:
    """Return whether it is a list of manifests. containerd: images.IsIndexType."""
    return media_type in (DOCKER_INDEX, OCI_INDEX)


def is_manifest(media_type: str) -> bool:
    """Return whether it names a config and layers. containerd: images.IsManifestType."""
    return media_type in (DOCKER_MANIFEST, OCI_MANIFEST)


def is_image_config(media_type: str) -> bool:
    """Return whether it is the configuration of an image. containerd: images.IsConfigType."""
    return media_type in (DOCKER_CONFIG, OCI_CONFIG)


def is_known_config(media_type: str) -> bool:
    """Return whether it is a configuration, of an image or a checkpoint. containerd: images.IsKnownConfig."""
    return is_image_config(media_type) or media_type in _CHECKPOINTS


def is_layer(media_type: str) -> bool:
    """Return whether it is a layer, compressed or not. containerd: images.IsLayerType."""
    return media_type.startswith(_OCI_LAYERS) or media_type.partition("+")[0] in _DOCKER_LAYERS
