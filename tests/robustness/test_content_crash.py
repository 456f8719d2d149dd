"""A daemon killed while a blob is on its way: a second try completes it, and no blob is there in part."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import pytest

from companion.core.blobs import read_blob, write_blob
from companion.core.content import CHUNK, Store
from companion.core.errors import Error
from tests.daemons import DaemonProcess
from tests.robustness.place import GUARD, NAMESPACE, Place

SIZE = 8 * CHUNK
ROUNDS = 10
KEPT = {"containerd.io/gc.root": "1"}

ENDLESS = """\
import sys
from companion.client import Client
with Client(sys.argv[1], default_namespace=sys.argv[2]) as client:
    with client.content_store.writer("ref") as writer:
        while True:
            writer.write(bytes(1 << 20))
            print(flush=True)
"""
"""A client that writes until it is killed, and says a line for every MiB."""


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


@contextmanager
def killed(daemon: DaemonProcess, now: threading.Event, delay: float = 0) -> Iterator[None]:
    """Let the daemon die in the block, `delay` seconds after the event; what fails by it is no error."""

    def kill() -> None:
        now.wait(GUARD)
        time.sleep(delay)
        daemon.process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with suppress(Error):
            yield
    finally:
        now.set()
        killer.join()
        daemon.process.wait()


def verify(place: Place, store: Store, blobs: list[bytes]) -> None:
    """Hold the daemon to what it has: these blobs, each whole, in its lists and on its disk."""
    assert {info.digest: info.size for info in store.list()} == {digest(blob): len(blob) for blob in blobs}
    for blob in blobs:
        assert read_blob(store, digest(blob)) == blob
    assert store.list_statuses() == []
    on_disk = files(place, "blobs")
    assert {f"{path.parent.name}:{path.name}" for path in on_disk} == set(map(digest, blobs))
    assert files(place, "ingest") == []


def whole(place: Place) -> bool:
    """Whether every file among the blobs has the bytes that it is named after."""
    return all(path.name == sha256(path.read_bytes()).hexdigest() for path in files(place, "blobs"))


def files(place: Place, kind: str) -> list[Path]:
    root = place.root / "io.containerd.content.v1.content" / kind
    return [path for path in root.rglob("*") if path.is_file()]


class Upload:
    """A blob that a client means to write, and writes again after a crash as if there had been none."""

    def __init__(self, told: bool) -> None:
        self.blob = os.urandom(SIZE)
        self.expected = digest(self.blob) if told else ""

    def run(self, store: Store) -> int:
        """Write what has not arrived yet; return how much had."""
        arrived = [status.offset for status in store.list_statuses()]
        source = io.BytesIO(self.blob)
        write_blob(store, "ref", source, size=SIZE, expected=self.expected, labels=KEPT)
        return sum(arrived)


@pytest.mark.parametrize("told", [True, False], ids=["digest told", "digest not told"])
def test_killed_while_bytes_arrive(place: Place, told: bool) -> None:
    uploads: list[Upload] = []
    resumed: list[int] = []
    for turn in range(ROUNDS):
        with place.daemon() as daemon, place.client() as client:
            resumed += [upload.run(client.content_store) for upload in uploads[-1:]]
            uploads.append(upload := Upload(told))
            now = threading.Event()
            with killed(daemon, now), client.content_store.writer("ref", SIZE, upload.expected) as writer:
                for start in range(0, SIZE, CHUNK):
                    if start == CHUNK * (turn % 8):
                        now.set()
                    writer.write(upload.blob[start : start + CHUNK])
                writer.commit(SIZE, upload.expected, KEPT)
        assert whole(place)
    with place.daemon(), place.client() as client:
        uploads[-1].run(client.content_store)
        verify(place, client.content_store, [upload.blob for upload in uploads])
    assert max(resumed) > 0  # what had arrived was not lost


@pytest.mark.parametrize("told", [True, False], ids=["digest told", "digest not told"])
def test_killed_while_it_commits(place: Place, told: bool) -> None:
    uploads = [Upload(told)]
    length = 0.0
    for turn in range(ROUNDS):
        with place.daemon() as daemon, place.client() as client:
            begun = time.monotonic()
            uploads[-1].run(client.content_store)
            length = length or time.monotonic() - begun
            uploads.append(upload := Upload(told))
            now = threading.Event()
            with (
                killed(daemon, now, delay=length * turn / ROUNDS),
                client.content_store.writer("ref", SIZE, upload.expected) as writer,
            ):
                writer.write(upload.blob)
                now.set()
                writer.commit(SIZE, upload.expected, KEPT)
        assert whole(place)
    with place.daemon(), place.client() as client:
        uploads[-1].run(client.content_store)
        verify(place, client.content_store, [upload.blob for upload in uploads])


def test_what_was_answered_is_there(place: Place) -> None:
    blobs = []
    for turn in range(ROUNDS):
        with place.daemon() as daemon, place.client() as client:
            for number in range(turn + 1):
                blobs.append(os.urandom(1000))
                write_blob(client.content_store, f"ref{number}", io.BytesIO(blobs[-1]), labels=KEPT)
            daemon.process.kill()
            daemon.process.wait()
    with place.daemon(), place.client() as client:
        verify(place, client.content_store, blobs)


def test_a_client_killed_while_it_writes_leaves_its_reference_free(place: Place) -> None:
    with place.daemon(), place.client() as client:
        command = [sys.executable, "-c", ENDLESS, place.address, NAMESPACE]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writing:
            assert writing.stdout is not None
            for _ in range(3):
                writing.stdout.readline()
            writing.kill()
        with client.content_store.writer("ref") as writer:
            assert writer.status().offset >= 3 * CHUNK
            assert writer.status().offset % CHUNK == 0
