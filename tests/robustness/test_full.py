"""Where there is no room left a write fails as a whole and alone, and there may be room again."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.errors import Unknown
from tests.daemons import PROJECT
from tests.robustness.place import GUARD, Place, record

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk: sudo make test")

CONTENT = bytes(3000)


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[None]:
    """A file system of its own for the directory within the block."""
    directory.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


def fill(client: Client) -> tuple[list[str], str]:
    """Create containers until one is refused; the ids of the others, and the reason."""
    made: list[str] = []
    while True:
        name = f"c{len(made):05}"
        try:
            client.container_service.create(record(name, CONTENT))
        except Unknown as error:
            return made, str(error)
        made.append(name)


def ids(client: Client) -> list[str]:
    """The ids of all containers, each of which is whole."""
    containers = client.container_service.list()
    assert all(container.spec == record("any", CONTENT).spec for container in containers)
    return [container.id for container in containers]


def check_after_a_refusal(client: Client, made: list[str]) -> None:
    """The refused container is not there, all others are, and nothing but writing fails."""
    assert ids(client) == made
    assert client.container_service.get(made[0]).spec == record("any", CONTENT).spec
    for _ in range(3):
        with pytest.raises(Unknown):
            client.container_service.create(record("refused", bytes(100_000)))
    assert ids(client) == made
    assert client.is_serving()


@needs_root
def test_a_full_disk_refuses_writes_until_there_is_room(place: Place) -> None:
    with small_disk(place.root, "2m"):
        other = place.root / "other"
        other.write_bytes(bytes(1 << 20))
        with place.daemon(), place.client() as client:
            made, reason = fill(client)
            assert "No space left on device" in reason
            check_after_a_refusal(client, made)
            other.unlink()
            client.container_service.create(record("refused", CONTENT))
            assert ids(client) == [*made, "refused"]
        with place.daemon(), place.client() as client:
            assert ids(client) == [*made, "refused"]


def test_a_file_that_may_not_grow_refuses_writes_until_it_may(place: Place) -> None:
    with place.daemon() as daemon, place.client() as client:
        hard = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (1 << 19, hard))
        made, reason = fill(client)
        assert "File too large" in reason
        check_after_a_refusal(client, made)
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (hard, hard))
        client.container_service.create(record("refused", CONTENT))
        assert ids(client) == [*made, "refused"]


def test_a_full_map_refuses_writes_until_records_are_deleted_or_it_is_larger(place: Place) -> None:
    def flags(size: int) -> list[str]:
        return [*place.configured(f'[plugins."io.containerd.metadata.v1.bolt"]\nmap_size = {size}')]

    with place.daemon(*flags(1 << 18)), place.client() as client:
        made, reason = fill(client)
        assert "MDB_MAP_FULL" in reason
        check_after_a_refusal(client, made)
        for _ in range(5):
            client.container_service.delete(made.pop())
        client.container_service.create(record("refused", CONTENT))
        assert ids(client) == [*made, "refused"]
    with place.daemon(*flags(1 << 20)), place.client() as client:
        client.container_service.create(record("refused-too", bytes(300_000)))
        assert len(client.containers()) == len(made) + 2


READERS = """
import os, sys, threading
from pathlib import Path
from companion.store.database import Database

directory = Path(sys.argv[1])
filler = (directory / "filler").open("wb", buffering=0)
reading, over = threading.Semaphore(0), threading.Event()

def read(root):
    reading.release()
    over.wait()

with Database(directory / "db") as db:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        print("full", flush=True)
    readers = [threading.Thread(target=db.view, args=(read,)) for _ in range(200)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reading.acquire()
    over.set()
print("read")
"""


@needs_root
def test_on_a_full_disk_there_may_be_more_readers_than_ever_before(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "1m"):
        command = [sys.executable, "-c", READERS, str(disk)]
        result = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, timeout=GUARD, check=False)
    assert (result.returncode, result.stdout) == (0, b"full\nread\n")


@needs_root
def test_a_daemon_on_a_disk_that_is_full_from_the_start_is_refused(place: Place) -> None:
    with small_disk(place.root, "64k"):
        (place.root / "other").write_bytes(bytes(60 << 10))
        assert place.refusal().endswith(f"{place.database}: No space left on device")
