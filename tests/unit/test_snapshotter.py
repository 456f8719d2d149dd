"""What every snapshotter must do: the one in the daemon, and the remote one, near and far."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.backend.snapshots.native import NativeSnapshotter
from companion.backend.snapshots.overlayfs import OverlaySnapshotter
from companion.client.client import Client
from companion.config import Config
from companion.core.errors import (
    AlreadyExists,
    Error,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unimplemented,
)
from companion.core.mounts import Mount
from companion.core.namespaces import namespace
from companion.core.snapshots import Info, Kind, Snapshotter, Usage
from companion.daemon import Daemon
from companion.store.metadata import Metadata
from tests import daemons

KEPT = {"containerd.io/gc.root": "1"}
"""Labels that keep a snapshot from containerd's garbage collector."""

BACKENDS = {"native": NativeSnapshotter, "overlayfs": OverlaySnapshotter}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("daemon")
    with Daemon(Config(root=directory / "root", state=directory / "state")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with daemons.containerd() as daemon:
        yield daemon.address


@pytest.fixture(params=["native", pytest.param("overlayfs", marks=pytest.mark.overlayfs)])
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def alone(tmp_path: Path, name: str) -> Iterator[Snapshotter]:
    backend = BACKENDS[name](tmp_path / name)
    with Metadata(tmp_path / "meta.db", BlobStore(tmp_path / "content"), {name: backend}) as metadata:
        yield metadata.snapshotter(name)
    backend.close()


@pytest.fixture
def in_process(daemon: Daemon, name: str) -> Iterator[Snapshotter]:
    with Client(services=daemon.services()) as client:
        yield client.snapshot_service(name)


@pytest.fixture
def over_the_wire(daemon: Daemon, name: str) -> Iterator[Snapshotter]:
    with Client(daemon.address) as client:
        yield client.snapshot_service(name)


@pytest.fixture
def of_containerd(real: str, name: str) -> Iterator[Snapshotter]:
    with Client(real) as client:
        yield client.snapshot_service(name)


PLACES = [
    "alone",
    "in_process",
    "over_the_wire",
    pytest.param("of_containerd", marks=pytest.mark.interop),
]


@pytest.fixture(params=PLACES)
def snapshotter(request: pytest.FixtureRequest, name: str) -> Iterator[Snapshotter]:
    found = request.getfixturevalue(request.param)
    with namespace(f"suite-{os.urandom(4).hex()}"):
        yield found


def layer(snapshotter: Snapshotter, name: str, parent: str = "") -> None:
    """Make a committed snapshot."""
    snapshotter.prepare("key", parent, KEPT)
    snapshotter.commit(name, "key", KEPT)


@contextmanager
def refused(error: type[Error], text: str) -> Iterator[None]:
    """Expect an error of this class, whose text ends so."""
    with pytest.raises(error) as caught:
        yield
    assert str(caught.value).removesuffix(": unknown").endswith(text)


def directory(mounts: object) -> Path:
    """Where the mounts of a snapshot without a parent lead to."""
    match mounts:
        case [Mount(type="bind", source=source)]:
            return Path(source)
    raise ValueError(mounts)


def test_an_active_snapshot_can_be_written_to(snapshotter: Snapshotter) -> None:
    assert (directory(snapshotter.prepare("key", labels=KEPT))).is_dir()
    (mount,) = snapshotter.mounts("key")
    assert set(mount.options) == {"rw", "rbind"}
    (Path(mount.source) / "file").write_text("text")


def test_a_view_is_read_only(snapshotter: Snapshotter) -> None:
    (mount,) = snapshotter.view("key", labels=KEPT)
    assert set(mount.options) == {"ro", "rbind"}
    assert snapshotter.mounts("key") == [mount]


def test_a_view_of_one_parent_shows_it(snapshotter: Snapshotter) -> None:
    (directory(snapshotter.prepare("key", labels=KEPT)) / "file").write_text("text")
    snapshotter.commit("base", "key", KEPT)
    assert (directory(snapshotter.view("view", "base", KEPT)) / "file").read_text() == "text"


def test_a_record_tells_kind_parent_and_labels(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "base")
    snapshotter.prepare("active", "base", {**KEPT, "a": "1", "empty": ""})
    snapshotter.view("view", "base", KEPT)
    assert snapshotter.stat("base") == Info("base", "", Kind.COMMITTED, KEPT, *times(snapshotter, "base"))
    assert snapshotter.stat("active") == Info(
        "active", "base", Kind.ACTIVE, {**KEPT, "a": "1"}, *times(snapshotter, "active")
    )
    assert snapshotter.stat("view") == Info("view", "base", Kind.VIEW, KEPT, *times(snapshotter, "view"))


def times(snapshotter: Snapshotter, key: str) -> tuple[datetime | None, datetime | None]:
    info = snapshotter.stat(key)
    return info.created_at, info.updated_at


def test_a_record_tells_when_it_was_made_and_changed(snapshotter: Snapshotter) -> None:
    snapshotter.prepare("key", labels=KEPT)
    created, updated = times(snapshotter, "key")
    assert created is not None
    assert created == updated
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    snapshotter.update(Info("key", labels={"a": "1"}), "labels.a")
    later = snapshotter.stat("key")
    assert later.created_at == created
    assert later.updated_at is not None
    assert later.updated_at > created


def test_labels_are_those_of_the_commit(snapshotter: Snapshotter) -> None:
    snapshotter.prepare("key", labels={**KEPT, "prepared": "1"})
    snapshotter.commit("name", "key", {**KEPT, "committed": "1"})
    assert snapshotter.stat("name").labels == {**KEPT, "committed": "1"}


def test_a_commit_takes_the_key_away(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "name")
    with refused(NotFound, "snapshot key does not exist: not found"):
        snapshotter.stat("key")
    snapshotter.prepare("key", "name", KEPT)
    assert [(info.name, info.parent) for info in snapshotter.list()] == [("key", "name"), ("name", "")]


def test_a_committed_snapshot_has_no_mounts(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "name")
    with refused(FailedPrecondition, "name not active or view: failed precondition"):
        snapshotter.mounts("name")


def test_only_active_snapshots_are_committed(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "name")
    snapshotter.view("view", labels=KEPT)
    for key in ("name", "view"):
        with refused(FailedPrecondition, f'{key}" is not active: failed precondition'):
            snapshotter.commit("other", key)
    with refused(NotFound, "snapshot nope does not exist: not found"):
        snapshotter.commit("other", "nope")
    with refused(AlreadyExists, 'snapshot "name": already exists'):
        snapshotter.commit("name", "view")


def test_only_committed_snapshots_are_parents(snapshotter: Snapshotter) -> None:
    snapshotter.prepare("active", labels=KEPT)
    with refused(InvalidArgument, 'active" is not committed snapshot: invalid argument'):
        snapshotter.prepare("key", "active")
    with refused(NotFound, "parent snapshot nope does not exist: not found"):
        snapshotter.view("key", "nope")
    assert [info.name for info in snapshotter.list()] == ["active"]


def test_a_key_exists_once(snapshotter: Snapshotter) -> None:
    snapshotter.prepare("key", labels=KEPT)
    for make in (snapshotter.prepare, snapshotter.view):
        with refused(AlreadyExists, 'snapshot "key": already exists'):
            make("key")


def test_a_target_that_exists_is_not_made_again(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "target")
    with refused(AlreadyExists, 'target snapshot "target": already exists'):
        snapshotter.prepare("key", labels={"containerd.io/snapshot.ref": "target"})


def test_an_active_snapshot_takes_what_its_tree_takes_now(snapshotter: Snapshotter) -> None:
    tree = directory(snapshotter.prepare("key", labels=KEPT))
    empty = snapshotter.usage("key")
    (tree / "file").write_bytes(bytes(100_000))
    os.link(tree / "file", tree / "link")
    (tree / "directory").mkdir()
    full = snapshotter.usage("key")
    assert full.inodes == empty.inodes + 2
    assert full.size >= empty.size + 100_000
    snapshotter.commit("name", "key", KEPT)
    (tree / "more").write_bytes(bytes(100_000))
    assert snapshotter.usage("name") == full


def test_a_view_takes_nothing(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "name")
    snapshotter.view("view", "name", KEPT)
    assert snapshotter.usage("view") == Usage()


def test_labels_are_changed_one_by_one_or_all(snapshotter: Snapshotter) -> None:
    snapshotter.prepare("key", labels={**KEPT, "a": "1", "b": "1"})
    changed = snapshotter.update(Info("key", labels={"a": "2", "c": "ignored"}), "labels.a", "labels.b")
    assert changed.labels == {**KEPT, "a": "2"}
    assert snapshotter.update(Info("key", labels={**KEPT, "d": "1"})).labels == {**KEPT, "d": "1"}
    assert snapshotter.stat("key").labels == {**KEPT, "d": "1"}
    with refused(InvalidArgument, 'cannot update "parent" field on snapshot "key": invalid argument'):
        snapshotter.update(Info("key"), "parent")


def test_a_snapshot_with_children_stays(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "base")
    layer(snapshotter, "top", "base")
    with refused(FailedPrecondition, "cannot remove snapshot with child: failed precondition"):
        snapshotter.remove("base")
    snapshotter.remove("top")
    snapshotter.remove("base")
    assert snapshotter.list() == []
    with refused(NotFound, "snapshot base does not exist: not found"):
        snapshotter.remove("base")


def test_a_key_comes_again(snapshotter: Snapshotter) -> None:
    for text in ("first", "second"):
        tree = directory(snapshotter.prepare("key", labels=KEPT))
        assert list(tree.iterdir()) == []
        (tree / text).touch()
        snapshotter.remove("key")


def test_many_snapshots_are_listed_by_key(snapshotter: Snapshotter) -> None:
    for number in range(201):
        snapshotter.view(f"{number:03}", labels=KEPT)
    assert [info.name for info in snapshotter.list()] == [f"{number:03}" for number in range(201)]


def test_filters_choose(snapshotter: Snapshotter) -> None:
    layer(snapshotter, "base")
    snapshotter.prepare("active", "base", {**KEPT, "a": "1"})
    snapshotter.view("view", "base", KEPT)
    found = {
        text: [info.name for info in snapshotter.list(text)]
        for text in ("kind==active", "parent==base", "labels.a==1", "name~=^v", "created")
    }
    assert found == {
        "kind==active": ["active"],
        "parent==base": ["active", "view"],
        "labels.a==1": ["active"],
        "name~=^v": ["view"],
        "created": [],
    }
    with refused(Error, 'unsupported operator "=": invalid argument'):
        snapshotter.list("name=x")


def test_namespaces_do_not_see_one_another(snapshotter: Snapshotter) -> None:
    tree = directory(snapshotter.prepare("key", labels=KEPT))
    with namespace("other"):
        with pytest.raises(NotFound):
            snapshotter.stat("key")
        assert directory(snapshotter.prepare("key", labels=KEPT)) != tree
        snapshotter.remove("key")
    assert snapshotter.mounts("key")


def test_a_namespace_is_required(snapshotter: Snapshotter) -> None:
    with namespace(""), refused(FailedPrecondition, "namespace is required: failed precondition"):
        snapshotter.prepare("key")


def test_keys_do_not_walk_the_file_system(snapshotter: Snapshotter) -> None:
    trees = snapshots_of(directory(snapshotter.prepare("start", labels=KEPT)))
    for key in ("../../../up", "/etc", "..", ".", "a/b", "nul\0l", "line\nbreak", "é" * 300):
        tree = directory(snapshotter.prepare(key, labels=KEPT))
        assert snapshots_of(tree) == trees
        assert snapshotter.stat(key).name == key
        snapshotter.commit(f"{key}!", key, KEPT)


def snapshots_of(tree: Path) -> Path:
    """The directory among whose subdirectories, known by numbers, a tree is."""
    numbered = tree if tree.name.isdecimal() else tree.parent
    assert numbered.name.isdecimal()
    return numbered.parent


def test_trees_are_left_to_the_garbage_collector(snapshotter: Snapshotter) -> None:
    with refused(Unimplemented, "snapshotter does not implement Cleanup method: not implemented"):
        snapshotter.cleanup()
