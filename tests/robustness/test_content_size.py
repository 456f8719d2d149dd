"""Blobs larger than what a daemon should ever hold in memory."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from companion.core.content import CHUNK
from tests.daemons import DaemonProcess
from tests.robustness.place import Place

CHUNKS = 256
"""How many MiB the blob has."""

MOST = 64
"""How many MiB of memory a daemon may need for it, at its peak."""


def peak(daemon: DaemonProcess) -> int:
    """The most memory that a daemon had so far, in MiB."""
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) >> 10


def test_memory_does_not_grow_with_a_blob(place: Place) -> None:
    chunk, read, written = os.urandom(CHUNK), sha256(), sha256()
    with place.daemon() as daemon, place.client() as client:
        before = peak(daemon)
        with client.content_store.writer("ref") as writer:
            for _ in range(CHUNKS):
                writer.write(chunk)
                written.update(chunk)
            writer.commit(CHUNKS * CHUNK, labels={"containerd.io/gc.root": "1"})
        with client.content_store.reader_at(writer.digest()) as blob:
            while data := blob.read(CHUNK):
                read.update(data)
        assert peak(daemon) - before < MOST
    assert writer.digest() == f"sha256:{read.hexdigest()}" == f"sha256:{written.hexdigest()}"
