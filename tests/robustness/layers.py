"""Layers for tests: made of entries, written into a daemon's content store, unpacked onto a snapshot."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from companion.client import Client
from companion.core.blobs import write_blob
from companion.core.content import Descriptor

LAYER = "application/vnd.oci.image.layer.v1.tar"
GC_ROOT = {"containerd.io/gc.root": "1"}

Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: object) -> Entry:
    """An entry of an archive; `fields` are attributes of its TarInfo."""
    header = tarfile.TarInfo(name)
    header.type, header.size = kind, len(data)
    header.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in fields.items():
        setattr(header, key, value)
    return header, data


def directory(name: str, **fields: object) -> Entry:
    return entry(name, tarfile.DIRTYPE, b"", **fields)


def symlink(name: str, target: str) -> Entry:
    return entry(name, tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> Entry:
    return entry(name, tarfile.LNKTYPE, linkname=target)


def archive(entries: Iterable[Entry], format: int = tarfile.PAX_FORMAT) -> bytes:
    """The archive of entries, however strange their names are."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format, errors="surrogateescape") as written:
        for header, data in entries:
            written.addfile(header, io.BytesIO(data))
    return file.getvalue()


def unpacked(client: Client, layer: bytes, suffix: str = "", snapshotter: str = "native") -> Path:
    """Unpack a layer onto a new snapshot; return the directory of that. Raises what the daemon answers.

    `suffix` is that of the media type: how the layer is compressed.
    """
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    write_blob(client.content_store, digest, io.BytesIO(layer), size=len(layer), labels=GC_ROOT)
    mounts = client.snapshot_service(snapshotter).prepare(uuid4().hex, labels=GC_ROOT)
    client.diff_service.apply(Descriptor(f"{LAYER}{suffix}", digest, len(layer)), mounts)
    return Path(mounts[0].source)


def gzipped(plain: bytes) -> bytes:
    return gzip.compress(plain, 1, mtime=0)
