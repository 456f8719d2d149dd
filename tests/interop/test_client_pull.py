"""As test_client_on_containerd.py: images from a registry; and what ctr leaves of the same image."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from companion.client import (
    Client,
    namespace,
    with_image_config,
    with_new_snapshot,
    with_new_spec,
    with_snapshot_cleanup,
)
from companion.core.content import CHUNK
from companion.core.errors import Error, NotFound
from companion.core.namespaces import Namespace
from companion.core.snapshots import Kind
from companion.guide.image import NAME
from companion.guide.registry import Registry
from tests.daemons import DaemonProcess
from tests.interop.conftest import CONTAINERD, connect, new_namespace
from tests.registries import Scripted, simple

GUARD = 60.0


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as registry:
        yield registry


@pytest.fixture
def native(client: Client) -> Client:
    """The client, in a namespace whose snapshotter needs no privileges."""
    labels = {"containerd.io/defaults/snapshotter": "native"}
    client.namespace_service.create(Namespace(client.namespace, labels))
    return client


def left(client: Client) -> dict[str, Any]:
    """All that a pull leaves, without times."""
    return {
        "images": [(image.name, image.target, image.labels) for image in client.image_service.list()],
        "content": [(info.digest, info.size, info.labels) for info in client.content_store.list()],
        "snapshots": [
            (info.name, info.parent, info.kind) for info in client.snapshot_service("native").list()
        ],
        "ingests": client.content_store.list_statuses(),
        "leases": client.leases_service.list(),
    }


def test_a_container_is_made_of_what_was_pulled(native: Client, registry: Registry) -> None:
    client = native
    with namespace(native.namespace):
        image = client.pull("docker.io/library/debian:latest", resolver=registry.resolver())
        container = client.new_container(
            "debian_container",
            with_new_snapshot("debian_snapshot", image),
            with_new_spec(with_image_config(image)),
        )
    record = container.info()
    assert (record.image, record.snapshot_key) == (image.name, "debian_snapshot")
    assert container.spec()["process"]["args"] == [*image.spec().entrypoint, *image.spec().cmd]
    container.delete(with_snapshot_cleanup)
    assert [kind for _, _, kind in left(client)["snapshots"]] == [Kind.COMMITTED] * len(image.rootfs())


def test_an_image_is_pulled(native: Client, registry: Registry) -> None:
    image = native.pull(NAME, platform="linux/amd64", resolver=registry.resolver())
    assert image.metadata == native.image_service.get(NAME)
    assert image.is_unpacked()
    native.new_container("debian", with_new_snapshot("key", image), with_new_spec())
    [mount] = native.snapshot_service().mounts("key")
    root = Path(mount.source)
    assert (root / "etc/architecture").read_text() == "amd64\n"
    assert not (root / "etc/motd").exists()
    assert (root / "srv/reader/notes").stat().st_uid == 1000
    assert (left(native)["leases"], left(native)["ingests"]) == ([], [])


def test_every_snapshot_names_the_layers_it_holds(native: Client, registry: Registry) -> None:
    native.pull(NAME, platform="linux/amd64", resolver=registry.resolver())
    found = native.snapshot_service().list()
    assert [info.kind for info in found] == [Kind.COMMITTED] * 3
    assert [info.labels for info in found] == [{"containerd.io/snapshot.ref": info.name} for info in found]


def test_a_second_pull_asks_for_nothing_and_changes_nothing(native: Client, registry: Registry) -> None:
    native.pull(NAME, platform="linux/amd64", resolver=registry.resolver())
    before = left(native)
    registry.requests.clear()
    native.pull(NAME, platform="linux/amd64", resolver=registry.resolver())
    assert list(map(str, registry.requests)) == ["HEAD /v2/library/debian/manifests/latest"]
    assert left(native) == before


def test_what_cannot_be_unpacked_has_no_record(native: Client) -> None:
    with Scripted(blobs=simple()) as registry, pytest.raises(Error, match="failed to extract layer"):
        native.pull(NAME, resolver=registry.resolver())
    assert list(native.image_service.list()) == []
    assert list(native.leases_service.list()) == []
    assert list(native.snapshot_service().list()) == []


def test_no_such_image(native: Client, registry: Registry) -> None:
    with pytest.raises(NotFound, match=r"library/debian:nosuch: not found$"):
        native.pull("docker.io/library/debian:nosuch", resolver=registry.resolver())
    assert list(native.leases_service.list()) == []


def test_a_broken_pull_is_resumed(native: Client) -> None:
    with Scripted(blobs=simple([bytes(3 * CHUNK)])) as registry, native.with_lease():
        registry.break_after(2 * CHUNK)
        with pytest.raises(Error, match="unexpected EOF"):
            native.pull(NAME, resolver=registry.resolver())
        registry.repair()
        registry.requests.clear()
        native.pull(NAME, resolver=registry.resolver())
        assert any("Range" in request.headers for request in registry.requests)
    assert list(native.leases_service.list()) == []


@pytest.mark.interop
@pytest.mark.parametrize("daemon", ["companion", CONTAINERD])
def test_ctr_leaves_the_same(daemon: str, request: pytest.FixtureRequest, registry: Registry) -> None:
    process: DaemonProcess = request.getfixturevalue(daemon)
    ref = f"{registry.host}/library/debian:latest"
    with connect(process, new_namespace()) as ctr, connect(process, new_namespace()) as ours:
        command = ["ctr", "--address", process.address, "--namespace", ctr.namespace, "images", "pull"]
        flags = ["--plain-http", "--platform", "linux/amd64", "--snapshotter", "native"]
        subprocess.run([*command, *flags, ref], check=True, capture_output=True, timeout=GUARD)
        ours.pull(ref, platform="linux/amd64", snapshotter="native")
        assert left(ours) == left(ctr)
