"""From the media type of a layer to its archive. containerd: the stream processors of core/diff."""

from __future__ import annotations

from io import BufferedReader

from companion.backend.diff.compression import Chunks, decompressed, plain
from companion.backend.diff.errors import LayerError
from companion.core.media_types import DOCKER_FOREIGN_LAYER, DOCKER_LAYER, OCI_FOREIGN_LAYER, OCI_LAYER

_OCI = (OCI_LAYER, OCI_FOREIGN_LAYER)
_DOCKER = (DOCKER_LAYER, DOCKER_FOREIGN_LAYER)

_PROCESSORS = {
    **dict.fromkeys(_OCI, plain),
    **{f"{kind}+{name}": decompressed for kind in _OCI for name in ("gzip", "zstd")},
    **dict.fromkeys((*_DOCKER, *(f"{kind}.gzip" for kind in _DOCKER)), decompressed),
}


def archive_of(media_type: str, blob: BufferedReader) -> Chunks:
    """Return the bytes of the archive in a layer. Raises `LayerError` for what is no layer."""
    if media_type not in _PROCESSORS:
        raise LayerError(f"failed to get stream processor for {media_type}: no processor for media-type")
    return _PROCESSORS[media_type](blob)
