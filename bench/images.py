"""`python -m bench.images`: blobs and pulls, on ours and on containerd, side by side in one run."""

from __future__ import annotations

import argparse
import io
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path

from bench.servers import Server, known, started
from companion.client import Client
from companion.core.blobs import write_blob
from companion.core.content import CHUNK
from companion.core.leases import Lease
from tests.interop.images import Layout
from tests.interop.layers import Layer
from tests.interop.registry import push, registry

SIZE = 200 << 20
"""Bytes of the blob, and of all layers of the image together."""

LAYERS = 5
FILES = 40

BLOB = random.Random(0).randbytes(SIZE)
DIGEST = f"sha256:{sha256(BLOB).hexdigest()}"


def main() -> None:
    """Measure, print a table of medians: seconds, and processor time of the server."""
    parser = argparse.ArgumentParser(prog="python -m bench.images")
    parser.add_argument("--rounds", type=int, default=3, help="how often each phase is run on each server")
    rounds = parser.parse_args().rounds
    results: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench-") as base, ExitStack() as running:
        image = _pushed(running.enter_context(registry()), Path(base))
        names = [name for name in known() if name != "bare"]
        servers = [running.enter_context(started(name, Path(base, name))) for name in names]
        for number in range(rounds):
            for server in servers if number % 2 == 0 else servers[::-1]:
                for phase, run in _phases(server, image).items():
                    results[phase, server.name].append(_timed(server, run))
        for server in servers:
            print(f"{server.name}: peak memory {server.peak_memory() >> 20} MiB")
    for (phase, name), found in results.items():
        seconds, cpu = map(statistics.median, zip(*found, strict=True))
        print(f"{phase:24}{name:12}{seconds:10.2f} s{cpu:10.2f} s cpu")


def _pushed(address: str, directory: Path) -> str:
    """Push an image of files that cannot be compressed, and return its name."""
    layout = Layout.new(directory / "layout")
    layout.add("big", [partial(_fill, number) for number in range(LAYERS)])
    push(address, layout.directory, "big", "big:latest")
    return f"{address}/big:latest"


def _fill(number: int, layer: Layer) -> None:
    for name in range(FILES):
        data = random.Random(number * FILES + name).randbytes(SIZE // LAYERS // FILES)
        layer.file(f"layer-{number}-{name}", data)


def _phases(server: Server, image: str) -> dict[str, Callable[[], object]]:
    """What is measured, in this order; the last one leaves nothing behind."""
    phases: dict[str, Callable[[], object]] = {
        "write a blob": partial(_write, server),
        "read a blob": partial(_read, server),
        "ctr content get": partial(_ctr, server, "content", "get", DIGEST),
    }
    for snapshotter in ("overlayfs", "native"):
        pull = partial(_ctr, server, "images", "pull", "--plain-http", "--snapshotter", snapshotter, image)
        phases[f"pull, {snapshotter}"] = pull
        phases[f"pull again, {snapshotter}"] = pull
        phases[f"rm --sync, {snapshotter}"] = partial(_ctr, server, "images", "rm", "--sync", image)
    return {**phases, "collect a blob": partial(_collect, server)}


def _timed(server: Server, run: Callable[[], object]) -> tuple[float, float]:
    cpu, began = server.cpu(), time.monotonic()
    run()
    return time.monotonic() - began, server.cpu() - cpu


def _client(server: Server) -> Client:
    return Client(server.address, default_namespace="default")


def _write(server: Server) -> None:
    labels = {"containerd.io/gc.root": "1"}
    with _client(server) as client:
        store = client.content_store
        write_blob(store, "ref", io.BytesIO(BLOB), size=SIZE, expected=DIGEST, labels=labels)


def _read(server: Server) -> None:
    with _client(server) as client, client.content_store.reader_at(DIGEST) as blob:
        while blob.read(CHUNK):
            pass


def _collect(server: Server) -> None:
    with _client(server) as client:
        client.content_store.delete(DIGEST)
        client.leases_service.delete(client.leases_service.create(Lease()), sync=True)


def _ctr(server: Server, *words: str) -> None:
    environment = {**os.environ, "CONTAINERD_ADDRESS": server.address, "CONTAINERD_NAMESPACE": "default"}
    quiet = subprocess.DEVNULL
    subprocess.run(["ctr", *words], env=environment, check=True, stdout=quiet, stderr=quiet)


if __name__ == "__main__":
    main()
