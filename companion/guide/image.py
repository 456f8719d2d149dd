"""An image small enough to be read whole: `docker.io/library/debian:latest`, in place of the real one.

Its layers are the directories below `debian/`, the same bytes wherever and whenever they are packed.
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from companion.core import digests, media_types

NAME = "docker.io/library/debian:latest"
ARCHITECTURES = ("amd64", "arm64")

_LAYERS = Path(__file__).with_name("debian")
_MADE = 1_704_067_200
"""The time of every file, in seconds: the first of 2024."""

_EMPTY_DIRECTORIES = ("dev", "proc", "run", "sys", "tmp")
_HOME = "srv/reader"
_BLOCK = 65535

_PROCESS = {
    "User": "reader",
    "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"],
    "Cmd": ["cat", "/etc/os-release"],
    "WorkingDir": "/srv/reader",
    "Labels": {"org.opencontainers.image.title": "debian"},
    "StopSignal": "SIGINT",
}


@dataclass
class Blobs:
    """Blobs by their digest, each with its media type; `target` is the index they all hang on."""

    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    target: str = ""

    def add(self, media_type: str, data: bytes) -> dict[str, Any]:
        """Keep a blob; return its descriptor."""
        digest = digests.from_bytes(data)
        self.blobs[digest] = (media_type, data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_json(self, media_type: str, **members: object) -> dict[str, Any]:
        """Keep a document; return its descriptor."""
        return self.add(media_type, json.dumps(members, separators=(",", ":")).encode())


def build() -> Blobs:
    """Return the image, as an index of one manifest for each architecture."""
    built = Blobs()
    manifests = [_add_manifest(built, architecture) for architecture in ARCHITECTURES]
    index = built.add_json(
        media_types.OCI_INDEX, schemaVersion=2, mediaType=media_types.OCI_INDEX, manifests=manifests
    )
    built.target = index["digest"]
    return built


def _add_manifest(built: Blobs, architecture: str) -> dict[str, Any]:
    platform = {"architecture": architecture, "os": "linux"}
    archives = [_archive(_files(layer, architecture)) for layer in sorted(_LAYERS.iterdir())]
    config = built.add_json(
        media_types.OCI_CONFIG,
        created="2024-01-01T00:00:00Z",
        **platform,
        config=_PROCESS,
        rootfs={"type": "layers", "diff_ids": [digests.from_bytes(archive) for archive in archives]},
    )
    layers = [built.add(f"{media_types.OCI_LAYER}+gzip", _stored(archive)) for archive in archives]
    manifest = built.add_json(
        media_types.OCI_MANIFEST,
        schemaVersion=2,
        mediaType=media_types.OCI_MANIFEST,
        config=config,
        layers=layers,
    )
    return manifest | {"platform": platform}


def _files(layer: Path, architecture: str) -> Mapping[str, bytes | None]:
    """The contents of a layer by their paths; a directory has none."""
    found: dict[str, bytes | None] = {
        path.relative_to(layer).as_posix(): path.read_bytes() if path.is_file() else None
        for path in layer.rglob("*")
    }
    if layer.name.startswith("1"):
        found |= dict.fromkeys(_EMPTY_DIRECTORIES)
        found["etc/architecture"] = f"{architecture}\n".encode()
    return found


def _archive(files: Mapping[str, bytes | None]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(files.items()):
            archive.addfile(_member(path, content), io.BytesIO(content or b""))
    return packed.getvalue()


def _member(path: str, content: bytes | None) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.mtime, member.size = _MADE, len(content or b"")
    member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    member.mode = 0o755 if content is None else 0o644
    if path.startswith(_HOME):
        member.uid, member.gid = 1000, 1001
    return member


def _stored(data: bytes) -> bytes:
    """Return a gzip file that only wraps `data`: what compresses differs from one version to the next."""
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return head + b"".join(_blocks(data)) + struct.pack("<II", zlib.crc32(data), len(data))


def _blocks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        last = start + _BLOCK >= len(data)
        yield struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
