"""What `ctr` pulls through ours is, file for file, what it pulls through containerd."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.mounting import mounted
from tests.daemons import DaemonProcess
from tests.interop.conftest import new_namespace
from tests.interop.scenario import run
from tests.interop.trees import Node, described, differences

pytestmark = [pytest.mark.interop, pytest.mark.overlayfs]

IMAGES = ("odd:latest", "odd:docker", "small:latest", "many:latest")

Trees = dict[str, dict[str, Node]]


def pulled(daemon: DaemonProcess, image: str, snapshotter: str, directory: Path) -> Trees:
    """Pull an image, and return the tree of each of its layers on those below, by chain id."""
    name, begun = new_namespace(), time.time_ns()
    environment = {"CONTAINERD_ADDRESS": daemon.address, "CONTAINERD_NAMESPACE": name}
    command = f"ctr images pull --plain-http --all-platforms --snapshotter {snapshotter} {image}"
    assert run(command, environment, directory).code == 0
    with Client(daemon.address, default_namespace=name) as client:
        return {
            chain_id: {path: untimed(node, begun) for path, node in tree.items()}
            for chain_id, tree in trees(client, snapshotter, directory)
        }


def trees(client: Client, snapshotter: str, directory: Path) -> Iterator[tuple[str, dict[str, Node]]]:
    snapshots = client.snapshot_service(snapshotter)
    for info in snapshots.list():
        view = snapshots.view(f"view of {info.name}", info.name, {"containerd.io/gc.root": "1"})
        with mounted(view, directory) as root:
            yield info.name, described(root)
        snapshots.remove(f"view of {info.name}")


def untimed(node: Node, begun: int) -> Node:
    """Return a node without its time, if it was changed after its layer had told one."""
    return node if node.mtime is None or node.mtime < begun else replace(node, mtime=None)


def compare(image: str, snapshotter: str, ours: DaemonProcess, real: DaemonProcess, directory: Path) -> Trees:
    """Hold ours to the trees that containerd makes of an image, and return them."""
    expected = pulled(real, image, snapshotter, directory)
    found = pulled(ours, image, snapshotter, directory)
    assert found.keys() == expected.keys()
    for chain_id, tree in expected.items():
        assert differences(forgotten(found[chain_id], tree), tree) == []
    return expected


def forgotten(ours: dict[str, Node], real: dict[str, Node]) -> dict[str, Node]:
    """Return our tree without the times of those directories whose times containerd has lost.

    Its native snapshotter sets the time of a directory, and then copies into it what is in it.
    """
    lost = {path for path, node in real.items() if node.kind == "directory" and node.mtime is None}
    return {path: replace(node, mtime=None) if path in lost else node for path, node in ours.items()}


@pytest.mark.parametrize("snapshotter", ["overlayfs", "native"])
@pytest.mark.parametrize("image", IMAGES)
def test_every_layer_is_the_same(  # noqa: PLR0917
    image: str,
    snapshotter: str,
    registry: str,
    companion: DaemonProcess,
    containerd: DaemonProcess,
    tmp_path: Path,
) -> None:
    assert compare(f"{registry}/{image}", snapshotter, companion, containerd, tmp_path)


def test_a_hard_link_to_a_lower_layer_is_the_same(
    registry: str, companion: DaemonProcess, containerd: DaemonProcess, tmp_path: Path
) -> None:
    expected = compare(f"{registry}/odd:link", "native", companion, containerd, tmp_path)
    assert any("etc/su" in tree for tree in expected.values())
