"""Our daemon killed while `ctr` pulls: a second pull completes the first, and nothing is left over."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.leases import Lease
from tests.daemons import DaemonProcess
from tests.interop.images import Layout
from tests.interop.layers import Layer
from tests.interop.registry import push
from tests.interop.test_pulled_trees import Trees, trees, untimed
from tests.robustness.place import GUARD, NAMESPACE, Place

pytestmark = [pytest.mark.interop, pytest.mark.overlayfs]

ROUNDS = 10
LAYERS = 5
FILES = 16
SIZE = 1 << 17
TOTAL = LAYERS * FILES * SIZE
"""Bytes of all files of the image."""

CONTENT = "io.containerd.content.v1.content"


def files(number: int) -> Callable[[Layer], None]:
    """The maker of a layer of files that cannot be compressed."""

    def make(layer: Layer) -> None:
        layer.directory(f"layer-{number}")
        for name in range(FILES):
            layer.file(f"layer-{number}/{name}", random.Random(number * FILES + name).randbytes(SIZE))

    return make


@pytest.fixture(scope="module")
def image(registry: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that takes a while to pull."""
    layout = Layout.new(tmp_path_factory.mktemp("slow") / "layout")
    layout.add("slow", [files(number) for number in range(LAYERS)])
    push(registry, layout.directory, "slow", "slow:latest")
    return f"{registry}/slow:latest"


def pulling(place: Place, image: str, snapshotter: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CONTAINERD_ADDRESS": place.address, "CONTAINERD_NAMESPACE": NAMESPACE}
    command = ["ctr", "images", "pull", "--plain-http", "--snapshotter", snapshotter, image]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pull(place: Place, image: str, snapshotter: str) -> None:
    with pulling(place, image, snapshotter) as process:
        assert process.wait(GUARD) == 0


def kill_when(reached: Callable[[], bool], daemon: DaemonProcess, pull: subprocess.Popen[bytes]) -> None:
    """Kill the daemon at a certain point of a pull, or at its end."""
    with pull:
        while pull.poll() is None and not reached():
            time.sleep(0.001)
        daemon.process.kill()
        daemon.process.wait()
        pull.kill()  # it would wait for a daemon to come back


def sizes(directory: Path) -> Iterator[int]:
    """The sizes of all files in a directory, which come and go."""
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                yield os.lstat(f"{parent}/{name}").st_size
            except FileNotFoundError:
                continue


def snapshots_on_disk(place: Place, snapshotter: str) -> list[str]:
    directory = place.root / f"io.containerd.snapshotter.v1.{snapshotter}/snapshots"
    return os.listdir(directory) if directory.exists() else []


Point = Callable[[Place, str, int], bool]
"""Whether a pull with this snapshotter has come to the point at which it is cut short in this turn."""


def while_it_writes(place: Place, _: str, turn: int) -> bool:
    return sum(sizes(place.root / CONTENT)) > TOTAL * turn // ROUNDS


def while_it_unpacks(place: Place, snapshotter: str, turn: int) -> bool:
    directory = place.root / f"io.containerd.snapshotter.v1.{snapshotter}"
    return sum(sizes(directory / "snapshots")) > TOTAL * turn // ROUNDS


def while_it_commits(place: Place, snapshotter: str, turn: int) -> bool:
    blobs = sum(1 for _ in sizes(place.root / CONTENT / "blobs"))
    return blobs + len(snapshots_on_disk(place, snapshotter)) > turn


def collect(client: Client) -> None:
    """Return after a collection of garbage."""
    client.leases_service.delete(client.leases_service.create(Lease()), sync=True)


def collected(client: Client, snapshotter: str, directory: Path) -> Trees:
    """Return the trees that are left when nothing but the image holds them."""
    for lease in client.leases_service.list():
        client.leases_service.delete(lease)
    collect(client)
    return {
        chain_id: {path: untimed(node, 0) for path, node in tree.items()}
        for chain_id, tree in trees(client, snapshotter, directory)
    }


def verify_nothing_is_left(place: Place, client: Client, snapshotter: str) -> None:
    """Hold what is known and what is on the disk to the image, and without it to nothing."""
    collect(client)
    assert len(client.content_store.list()) == LAYERS + 2  # with manifest and config
    assert len(list(sizes(place.root / CONTENT / "blobs"))) == LAYERS + 2
    assert len(client.snapshot_service(snapshotter).list()) == LAYERS
    assert len(snapshots_on_disk(place, snapshotter)) == LAYERS
    for image in client.image_service.list():
        client.image_service.delete(image.name, sync=True)
    assert (client.content_store.list(), client.content_store.list_statuses()) == ([], [])
    assert list(sizes(place.root / CONTENT)) == []
    assert client.snapshot_service(snapshotter).list() == []
    assert snapshots_on_disk(place, snapshotter) == []


@pytest.mark.parametrize("snapshotter", ["overlayfs", "native"])
@pytest.mark.parametrize("point", [while_it_writes, while_it_unpacks, while_it_commits])
def test_a_second_pull_completes_it(
    point: Point, snapshotter: str, image: str, place: Place, tmp_path: Path
) -> None:
    with place.daemon(), place.client() as client:
        pull(place, image, snapshotter)
        expected = collected(client, snapshotter, tmp_path)
        verify_nothing_is_left(place, client, snapshotter)
    for turn in range(ROUNDS):
        with place.daemon() as daemon:
            reached = partial(point, place, snapshotter, turn)
            kill_when(reached, daemon, pulling(place, image, snapshotter))
        with place.daemon(), place.client() as client:
            pull(place, image, snapshotter)
            assert collected(client, snapshotter, tmp_path) == expected
            verify_nothing_is_left(place, client, snapshotter)
