"""Random worlds over the wire: both daemons leave what a slow and simple look finds reachable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from uuid import uuid4

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings

from companion.client import Client, namespace
from companion.core.containers import Container, RuntimeInfo
from companion.core.content import Descriptor
from companion.core.garbage import Node
from companion.core.images import Image
from companion.core.leases import Lease, Resource
from companion.core.typeurl import Any
from tests.daemons import DaemonProcess
from tests.interop.conftest import CONTAINERD
from tests.unit.store.test_garbage import SNAPSHOTTERS, World, digest, kept, worlds

REAL = {digest(number): f"sha256:{sha256(b'%d' % number).hexdigest()}" for number in range(5)}
"""The digests of blobs that can be written, for those of the worlds."""


@pytest.fixture(scope="module", params=["companion", CONTAINERD])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    daemon: DaemonProcess = request.getfixturevalue(request.param)
    with Client(daemon.address) as client:
        yield client


def real(labels: dict[str, str]) -> dict[str, str]:
    return {key: REAL.get(value, value) for key, value in labels.items()}


def collect(client: Client) -> None:
    client.leases_service.delete(client.leases_service.create(Lease()), sync=True)


def write(client: Client, world: World) -> None:
    for number, refers in world.blobs.items():
        with client.content_store.writer(f"{number}") as writer:
            writer.write(b"%d" % number)
            writer.commit(labels=real(refers.labels))
    for name, number in sorted(world.snapshots):
        snapshotter, parent = client.snapshot_service(name), world.parent(name, number)
        snapshotter.prepare(f"active {number}", parent.key if parent else "")
        refers, _ = world.snapshots[name, number]
        snapshotter.commit(f"k{number}", f"active {number}", real(refers.labels))
    for number, (target, refers) in enumerate(world.images):
        descriptor = Descriptor("m", REAL[digest(target)], 1)
        client.image_service.create(Image(f"i{number}", descriptor, real(refers.labels)))
    for number, (name, key, refers) in enumerate(world.containers):
        client.container_service.create(
            Container(
                f"c{number}",
                labels=real(refers.labels),
                runtime=RuntimeInfo("r"),
                spec=Any("s", b"{}"),
                snapshotter=name,
                snapshot_key=f"k{key}" if name else "",
            )
        )
    for number, lease in enumerate(world.leases):
        client.leases_service.create(Lease(f"l{number}", labels=lease.labels))
        for held in lease.holds:
            resource = Resource(REAL.get(held.key, held.key), held.type)
            client.leases_service.add_resource(Lease(f"l{number}"), resource)


def left(client: Client) -> set[Node]:
    worlds_digest = {value: key for key, value in REAL.items()}
    found = {Node("content", worlds_digest[info.digest]) for info in client.content_store.list()}
    found |= {Node("leases", lease.id) for lease in client.leases_service.list()}
    for name in SNAPSHOTTERS:
        found |= {Node(f"snapshots/{name}", info.name) for info in client.snapshot_service(name).list()}
    return found


@pytest.mark.overlayfs
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@hypothesis.given(worlds)
def test_what_is_left_is_what_is_reachable(client: Client, world: World) -> None:
    world = replace(world, ingests={})  # whose end nobody can set over the wire
    with namespace(uuid4().hex):
        collect(client)  # so that none comes of itself while the world is made
        write(client, world)
        collect(client)
        assert left(client) == kept(world)
