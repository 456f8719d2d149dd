"""Which snapshotter a program means, and containers that have a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.client import Client, namespace, with_new_spec, with_snapshot, with_snapshot_cleanup
from companion.client.container_opts import with_snapshotter
from companion.config import Config
from companion.core.containers import Container
from companion.core.errors import FailedPrecondition, InvalidArgument, NotFound
from companion.core.leases import Resource
from companion.core.namespaces import Namespace
from companion.core.snapshots import Info
from companion.daemon import Daemon

DEFAULT = "containerd.io/defaults/snapshotter"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("daemon")
    with Daemon(Config(root=directory / "root", state=directory / "state")) as daemon:
        yield daemon


@pytest.fixture(params=["over the wire", "in process"])
def client(request: pytest.FixtureRequest, daemon: Daemon, tmp_path: Path) -> Iterator[Client]:
    """A client in a namespace of its own, whose snapshotter is native."""
    name = tmp_path.name.replace("_", "-")[-60:].strip("-")
    services = None if request.param == "over the wire" else daemon.services()
    with Client(daemon.address, default_namespace=name, services=services) as client:
        client.namespace_service.create(Namespace(name, {DEFAULT: "native"}))
        yield client


def keys(client: Client) -> list[str]:
    return [info.name for info in client.snapshot_service("native").list()]


def test_a_name_is_a_name(client: Client) -> None:
    assert client.resolve_snapshotter("nosuch") == "nosuch"
    with pytest.raises(InvalidArgument, match="snapshotter not loaded: nosuch"):
        client.snapshot_service("nosuch").list()


def test_the_label_of_the_namespace_names_the_snapshotter(client: Client) -> None:
    assert client.resolve_snapshotter() == "native"
    client.snapshot_service().prepare("key")
    assert keys(client) == ["key"]


def test_without_a_label_it_is_overlayfs(client: Client) -> None:
    with namespace("unlabelled"):
        assert client.resolve_snapshotter() == "overlayfs"


def test_without_a_namespace_it_is_overlayfs(daemon: Daemon) -> None:
    with Client(daemon.address) as client:
        assert client.resolve_snapshotter() == "overlayfs"
        with pytest.raises(FailedPrecondition, match="namespace is required"):
            client.snapshot_service("native").prepare("key")


def test_a_container_with_a_snapshot(client: Client) -> None:
    client.snapshot_service().prepare("key")
    info = client.new_container("debian", with_new_spec(), with_snapshot("key")).info()
    assert (info.snapshotter, info.snapshot_key) == ("native", "key")


def test_the_snapshotter_of_a_container_goes_before_the_label(client: Client) -> None:
    client.snapshot_service().prepare("key")
    with pytest.raises((NotFound, InvalidArgument)):
        client.new_container("debian", with_new_spec(), with_snapshotter("overlayfs"), with_snapshot("key"))


def test_a_container_without_its_snapshot_is_not_made(client: Client) -> None:
    with pytest.raises(NotFound, match="snapshot key does not exist"):
        client.new_container("debian", with_new_spec(), with_snapshot("key"))
    assert client.containers() == []


def test_what_is_prepared_for_a_container_is_held_by_its_lease(client: Client) -> None:
    held: list[Resource] = []

    def look(client: Client, container: Container) -> Container:
        client.snapshot_service().prepare("key")
        (lease,) = client.leases_service.list()
        held.extend(client.leases_service.list_resources(lease))
        return container

    client.new_container("debian", with_new_spec(), look)
    assert [(resource.type, resource.id) for resource in held] == [("snapshots/native", "key")]


def test_a_container_is_deleted_with_its_snapshot(client: Client) -> None:
    client.snapshot_service().prepare("key")
    container = client.new_container("debian", with_new_spec(), with_snapshot("key"))
    container.delete(with_snapshot_cleanup)
    assert client.containers() == []
    assert keys(client) == []


def test_a_container_is_deleted_without_its_snapshot(client: Client) -> None:
    client.snapshot_service().prepare("key")
    client.new_container("debian", with_new_spec(), with_snapshot("key")).delete()
    assert keys(client) == ["key"]


def test_a_snapshot_may_be_gone_already(client: Client) -> None:
    client.snapshot_service().prepare("key")
    container = client.new_container("debian", with_new_spec(), with_snapshot("key"))
    client.snapshot_service().remove("key")
    container.delete(with_snapshot_cleanup)
    assert client.containers() == []


def test_a_container_may_have_no_snapshot(client: Client) -> None:
    client.new_container("debian", with_new_spec()).delete(with_snapshot_cleanup)
    assert client.containers() == []


def test_while_its_snapshot_cannot_be_removed_a_container_stays(client: Client) -> None:
    snapshotter = client.snapshot_service()
    snapshotter.prepare("key")
    container = client.new_container("debian", with_new_spec(), with_snapshot("key"))
    snapshotter.remove("key")
    snapshotter.prepare("other")
    snapshotter.commit("key", "other")
    snapshotter.view("child", "key")
    with pytest.raises(FailedPrecondition, match="cannot remove snapshot with child"):
        container.delete(with_snapshot_cleanup)
    assert [container.id for container in client.containers()] == ["debian"]


def test_nobody_knows_whose_snapshot_it_is(client: Client) -> None:
    with pytest.raises(InvalidArgument) as caught:
        with_snapshot_cleanup(client, Container("debian", snapshot_key="key"))
    assert str(caught.value) == (
        "container.Snapshotter must be set to cleanup rootfs snapshot: invalid argument"
    )


def test_labels_of_a_snapshot(client: Client) -> None:
    snapshotter = client.snapshot_service()
    snapshotter.prepare("key", labels={"a": "1"})
    assert snapshotter.update(Info("key", labels={"b": "2"}), "labels.b").labels == {"a": "1", "b": "2"}
