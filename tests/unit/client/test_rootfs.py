"""A layer becomes a snapshot once, whoever else is at it, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import pytest

from companion.client import Client, rootfs
from companion.client.rootfs import apply_layer
from companion.config import Config
from companion.core.content import Descriptor
from companion.core.diff import Applier
from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from companion.core.mounts import Mount
from companion.core.snapshots import Snapshotter
from companion.daemon import Daemon
from tests.images import digest, layer, single, write

PLAIN = layer({"file": "text"})
DIFF_ID = digest(PLAIN)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("daemon")
    with Daemon(Config(root=directory / "root", state=directory / "state")) as daemon:
        yield daemon


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    """A client in a namespace of its own, under a lease."""
    name = f"rootfs-{uuid4().hex}"
    with Client(services=daemon.services(), default_namespace=name) as client, client.with_lease():
        yield client


@pytest.fixture
def blob(client: Client) -> Descriptor:
    return write(client.content_store, single("application/vnd.oci.image.layer.v1.tar", PLAIN))


@pytest.fixture
def native(client: Client) -> Snapshotter:
    return client.snapshot_service("native")


@dataclass(frozen=True)
class Meanwhile(Applier):
    """A differ while whose work something happens."""

    applier: Applier
    happens: Callable[[], object]

    def apply(self, layer: Descriptor, mounts: Sequence[Mount]) -> Descriptor:
        applied = self.applier.apply(layer, mounts)
        self.happens()
        return applied


def names(snapshotter: Snapshotter) -> list[str]:
    return [info.name for info in snapshotter.list()]


def test_a_layer_becomes_a_snapshot_once(client: Client, native: Snapshotter, blob: Descriptor) -> None:
    assert apply_layer(blob, DIFF_ID, (), native, client.diff_service)
    assert not apply_layer(blob, DIFF_ID, (), native, client.diff_service)
    assert names(native) == [DIFF_ID]


def test_who_comes_second_leaves_nothing(client: Client, native: Snapshotter, blob: Descriptor) -> None:
    def other() -> None:
        native.prepare("other")
        native.commit(DIFF_ID, "other")

    assert not apply_layer(blob, DIFF_ID, (), native, Meanwhile(client.diff_service, other))
    assert names(native) == [DIFF_ID]


def test_a_failed_commit_leaves_nothing(client: Client, native: Snapshotter, blob: Descriptor) -> None:
    def commit() -> None:
        [key] = names(native)
        native.commit("other", key)
        native.view(key, "other")

    with pytest.raises(FailedPrecondition, match=rf"^failed to commit snapshot extract-\S+ {DIFF_ID}: "):
        apply_layer(blob, DIFF_ID, (), native, Meanwhile(client.diff_service, commit))
    assert names(native) == ["other"]


def test_an_interrupt_leaves_nothing(client: Client, native: Snapshotter, blob: Descriptor) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_layer(blob, DIFF_ID, (), native, Meanwhile(client.diff_service, interrupt))
    assert names(native) == []


def test_a_wrong_layer_leaves_nothing(client: Client, native: Snapshotter, blob: Descriptor) -> None:
    wrong = f"sha256:{'0' * 64}"
    with pytest.raises(InvalidArgument) as caught:
        apply_layer(blob, wrong, (), native, client.diff_service)
    assert str(caught.value) == f'wrong diff id calculated on extraction "{DIFF_ID}": invalid argument'
    assert names(native) == []


def test_a_key_that_is_taken_is_not_the_last(
    client: Client, native: Snapshotter, blob: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    native.prepare(f"extract-taken {DIFF_ID}")
    ids = iter(["taken", "taken", "free"])
    monkeypatch.setattr(rootfs, "generate_id", lambda: next(ids))
    assert apply_layer(blob, DIFF_ID, (), native, client.diff_service)


def test_where_all_keys_are_taken_the_layer_is_not_unpacked(
    client: Client, native: Snapshotter, blob: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    native.prepare(f"extract-taken {DIFF_ID}")
    monkeypatch.setattr(rootfs, "generate_id", lambda: "taken")
    with pytest.raises(AlreadyExists) as caught:
        apply_layer(blob, DIFF_ID, (), native, client.diff_service)
    assert str(caught.value) == (
        f'failed to prepare extraction snapshot "extract-taken {DIFF_ID}": already exists'
    )
    assert names(native) == [f"extract-taken {DIFF_ID}"]


def test_a_chain_that_comes_to_be_meanwhile_is_not_unpacked(
    client: Client, native: Snapshotter, blob: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other() -> str:
        native.prepare("other")
        native.commit(DIFF_ID, "other")
        return "id"

    monkeypatch.setattr(rootfs, "generate_id", other)
    labels = {"containerd.io/snapshot.ref": DIFF_ID}
    assert not apply_layer(blob, DIFF_ID, (), native, client.diff_service, labels=labels)
    assert names(native) == [DIFF_ID]


def test_a_layer_below_must_be_there(client: Client, native: Snapshotter, blob: Descriptor) -> None:
    with pytest.raises(
        NotFound, match=r"^failed to prepare extraction snapshot .* does not exist: not found"
    ):
        apply_layer(blob, DIFF_ID, (f"sha256:{'0' * 64}",), native, client.diff_service)
