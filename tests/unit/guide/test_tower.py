"""The figure of the snapshots: what it reads from a daemon, and how it stacks them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from companion.client import Client, namespace
from companion.daemon import Daemon
from companion.guide.figures.style import FLOORS
from companion.guide.figures.tower import tower
from companion.guide.image import NAME
from companion.guide.playground import ON_REQUEST, fresh_daemon, stop_daemon
from companion.guide.registry import Registry
from companion.guide.store_suite import sample
from tests.unit.guide.svgs import drawn, inches_wide, words

_numbers = count()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    yield fresh_daemon(ON_REQUEST)
    stop_daemon()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with Client(daemon.address) as client, namespace(f"test-{next(_numbers)}"):
        yield client


def commit(client: Client, name: str, parent: str = "") -> None:
    snapshots = client.snapshot_service("native")
    snapshots.prepare("active", parent)
    snapshots.commit(name, "active")


def told(client: Client) -> list[str]:
    return tower(client, "native").desc.splitlines()


def test_an_empty_namespace_says_so(client: Client) -> None:
    assert tower(client, "native").desc == "Nothing at all."
    assert drawn(tower(client, "native"))


def test_children_stand_on_their_parent(client: Client) -> None:
    commit(client, "base")
    commit(client, "middle", "base")
    client.snapshot_service("native").prepare("web", "middle")
    client.snapshot_service("native").view("look", "base")
    assert told(client) == ["committed base", "  view look", "  committed middle", "    active web"]


def test_a_snapshot_says_of_which_layer_it_was_made(client: Client) -> None:
    with Registry() as registry:
        image = client.pull(NAME, snapshotter="native", platform="linux/amd64", resolver=registry.resolver())
    manifest, chain = image.manifest(), image.chain_id()
    assert told(client)[-1] == f"    committed {chain[:15]}, of layer {manifest.layers[-1].digest[:15]}"
    assert [line.partition("of layer ")[2] for line in told(client)] == [
        layer.digest[:15] for layer in manifest.layers
    ]


def test_a_container_stands_on_its_snapshot(client: Client) -> None:
    client.snapshot_service("native").prepare("files", "")
    client.container_service.create(sample("web", snapshotter="native", snapshot_key="files"))
    assert told(client) == ["active files, the root of container web"]
    assert "container web" in words(tower(client, "native"))


def test_a_container_of_another_snapshotter_does_not(client: Client) -> None:
    client.snapshot_service("native").prepare("files", "")
    client.container_service.create(sample("web", snapshotter="overlayfs", snapshot_key="files"))
    assert told(client) == ["active files"]


def test_the_kinds_differ_by_more_than_their_colours(client: Client) -> None:
    commit(client, "base")
    assert "dashed" not in tower(client, "native").dot
    assert FLOORS["backend"].fill in tower(client, "native").dot
    client.snapshot_service("native").view("look", "base")
    assert 'style="filled,dashed"' in tower(client, "native").dot
    assert "view, only to be read" in words(tower(client, "native"))


def test_many_snapshots_side_by_side_fit_a_page_of_a_notebook(client: Client) -> None:
    for number in range(12):
        client.snapshot_service("native").prepare(f"a container with a long name {number}")
    assert inches_wide(tower(client, "native")) <= 7.5


def test_the_same_snapshots_make_the_same_figure(client: Client) -> None:
    commit(client, "base")
    assert drawn(tower(client, "native")) == drawn(tower(client, "native"))
    assert 'id="before"' in drawn(tower(client, "native", title="Before"))
