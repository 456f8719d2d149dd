"""Measures how fast layers are unpacked: one of large files, one of many small ones, on each server in turn.

Run as `python -m bench.layers`, as root where containerd is to be measured too.
"""

from __future__ import annotations

import gzip
import io
import random
import statistics
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.servers import Server, known, started
from companion.client import Client
from companion.core.blobs import write_blob
from companion.core.content import Descriptor

ROUNDS = 5
LAYERS = {"200 MiB in 300 files": (300, 700_000), "60 MB in 20,000 files": (20_000, 3_000)}
"""How many files a layer has, and how many bytes a file has on average."""

KEPT = {"containerd.io/gc.root": "1"}
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def layer(files: int, size: int) -> bytes:
    """Return a layer that compresses to about three quarters, as programs do."""
    chance = random.Random(1)
    words = b" ".join(chance.randbytes(4).hex().encode() for _ in range(1000))
    data = b"".join(chance.randbytes(2048) + words[:1024] for _ in range(1000))
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for number in range(files):
            header = tarfile.TarInfo(f"lib/{number // 100}/{number}")
            header.size = chance.randint(size // 2, size * 3 // 2)
            start = chance.randrange(len(data) - header.size)
            archive.addfile(header, io.BytesIO(data[start : start + header.size]))
    return gzip.compress(made.getvalue(), 6)


def unpack(client: Client, server: Server, blob: Descriptor, number: int) -> tuple[float, float]:
    """Unpack a layer onto a new snapshot; return the seconds, and those of the server's processor time."""
    snapshotter = client.snapshot_service("native")
    mounts = snapshotter.prepare(f"{blob.digest} {number}", labels=KEPT)
    start, cpu = time.perf_counter(), server.cpu()
    client.diff_service.apply(blob, mounts)
    taken = time.perf_counter() - start, server.cpu() - cpu
    snapshotter.remove(f"{blob.digest} {number}")
    return taken


def measured(clients: dict[Server, Client], made: bytes) -> Iterator[str]:
    """Yield a line for each server: medians over the rounds, which the servers take in turn."""
    blob = Descriptor(GZIP_LAYER, f"sha256:{sha256(made).hexdigest()}", len(made))
    for client in clients.values():
        write_blob(client.content_store, blob.digest, io.BytesIO(made), size=len(made), labels=KEPT)
    taken: dict[Server, list[tuple[float, float]]] = {server: [] for server in clients}
    for number in range(ROUNDS):
        for server, client in clients.items():
            taken[server].append(unpack(client, server, blob, number))
    for server, rounds in taken.items():
        seconds, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
        peak = server.peak_memory() >> 20
        yield f"{server.name:12} {seconds:6.2f} s  {cpu:6.2f} s of processor time  {peak} MiB at most"


def main() -> None:
    """Print the medians."""
    with ExitStack() as opened:
        base = Path(opened.enter_context(TemporaryDirectory(prefix="bench-")))
        clients: dict[Server, Client] = {}
        for name in known():
            if name != "bare":
                server = opened.enter_context(started(name, base / name))
                clients[server] = opened.enter_context(Client(server.address, default_namespace="bench"))
        for title, (files, size) in LAYERS.items():
            print(title, *measured(clients, layer(files, size)), sep="\n")


if __name__ == "__main__":
    main()
