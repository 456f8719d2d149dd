"""From the media type of a layer to its archive. containerd: the stream processors of core/diff."""

from __future__ import annotations

from io import BufferedReader

from companion.backend.diff.compression import Chunks, decompressed, plain
from companion.backend.diff.errors import LayerError

LAYER = "application/vnd.oci.image.layer.v1.tar"
GZIP_LAYER = f"{LAYER}+gzip"
_NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
_DOCKER = tuple(f"application/vnd.docker.image.rootfs.{kind}.tar" for kind in ("diff", "foreign.diff"))

_PROCESSORS = {
    **dict.fromkeys((LAYER, _NONDISTRIBUTABLE), plain),
    **{f"{kind}+{name}": decompressed for kind in (LAYER, _NONDISTRIBUTABLE) for name in ("gzip", "zstd")},
    **dict.fromkeys((*_DOCKER, *(f"{kind}.gzip" for kind in _DOCKER)), decompressed),
}


def archive_of(media_type: str, blob: BufferedReader) -> Chunks:
    """Return the bytes of the archive in a layer. Raises `LayerError` for what is no layer."""
    if media_type not in _PROCESSORS:
        raise LayerError(f"failed to get stream processor for {media_type}: no processor for media-type")
    return _PROCESSORS[media_type](blob)
