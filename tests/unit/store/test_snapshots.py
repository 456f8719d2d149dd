"""The store of snapshots over a real backend: what is kept, what is collected, what is taken up again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.backend.snapshots.native import NativeSnapshotter
from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from companion.core.leases import Lease, Resource, lease
from companion.core.mounts import Mount
from companion.core.namespaces import namespace
from companion.core.snapshots import Backend, Info, Kind, Usage
from companion.store.leases import LeaseManager
from companion.store.metadata import Metadata
from companion.store.snapshots import Snapshotter


def nothing() -> None:
    pass


class Watched(Backend):
    """A backend that notes its calls, and may be told to do something else around a commit."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.calls: list[tuple[object, ...]] = []
        self.before_commit: Callable[[], None] = nothing
        self.after_commit: Callable[[], None] = nothing

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        self.calls.append(("prepare", key, parent, labels))
        return self.inner.prepare(key, parent, labels)

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        self.calls.append(("view", key, parent, labels))
        return self.inner.view(key, parent, labels)

    def mounts(self, key: str) -> Sequence[Mount]:
        return self.inner.mounts(key)

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        self.calls.append(("commit", name, key, labels))
        self.before_commit()
        self.inner.commit(name, key, labels)
        self.after_commit()

    def usage(self, key: str) -> Usage:
        return self.inner.usage(key)

    def remove(self, key: str) -> None:
        self.calls.append(("remove", key))
        self.inner.remove(key)

    def list(self) -> Sequence[Info]:
        return self.inner.list()

    def cleanup(self) -> None:
        self.calls.append(("cleanup",))
        self.inner.cleanup()

    def close(self) -> None:
        self.inner.close()


class Killed(BaseException):
    """The daemon ends here."""


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Watched]:
    backend = Watched(NativeSnapshotter(tmp_path / "native"))
    yield backend
    backend.close()


@pytest.fixture
def metadata(tmp_path: Path, backend: Watched) -> Iterator[Metadata]:
    with opened(tmp_path, backend) as metadata, namespace("test"):
        yield metadata


def opened(directory: Path, backend: Backend) -> Metadata:
    return Metadata(directory / "meta.db", BlobStore(directory / "content"), {"native": backend})


@pytest.fixture
def snapshotter(metadata: Metadata) -> Snapshotter:
    return metadata.snapshotter("native")


def names(backend: Backend) -> list[str]:
    return [info.name for info in backend.list()]


def test_an_unknown_snapshotter(metadata: Metadata) -> None:
    with pytest.raises(InvalidArgument) as caught:
        metadata.snapshotter("nosuch")
    assert str(caught.value) == "snapshotter not loaded: nosuch: invalid argument"


def test_names_in_the_backend_are_numbered(snapshotter: Snapshotter, backend: Watched) -> None:
    snapshotter.prepare("key")
    snapshotter.commit("base", "key")
    snapshotter.prepare("key", "base")
    with namespace("other"):
        snapshotter.prepare("key")
    assert names(backend) == ["test/2/base", "test/3/key", "other/1/key"]


def test_the_backend_is_told_of_its_labels_only(snapshotter: Snapshotter, backend: Watched) -> None:
    inherited = {"containerd.io/snapshot/x": "1", "containerd.io/snapshot.ref": "target"}
    snapshotter.prepare("key", labels={**inherited, "containerd.io/snapshot.y": "1", "own": "1"})
    snapshotter.view("view", labels={"containerd.io/snapshot/x": "1"})
    snapshotter.commit("name", "key", {"own": "2", "containerd.io/snapshot/x": "2"})
    assert backend.calls == [
        ("prepare", "test/1/key", "", inherited),
        ("view", "test/2/view", "", {"containerd.io/snapshot/x": "1"}),
        ("commit", "test/3/name", "test/1/key", {"containerd.io/snapshot/x": "2"}),
    ]


def test_a_removed_snapshot_is_in_the_backend_until_it_is_collected(
    snapshotter: Snapshotter, backend: Watched
) -> None:
    snapshotter.prepare("key")
    snapshotter.remove("key")
    snapshotter.prepare("key")
    assert names(backend) == ["test/1/key", "test/2/key"]
    snapshotter.garbage_collect()
    assert names(backend) == ["test/2/key"]
    assert backend.calls[-2:] == [("remove", "test/1/key"), ("cleanup",)]


def test_children_are_collected_before_their_parents(snapshotter: Snapshotter, backend: Watched) -> None:
    for number, parent in enumerate(["", "0", "1", "2"]):
        snapshotter.prepare("key", parent)
        snapshotter.commit(str(number), "key")
    for number in (3, 2, 1, 0):
        snapshotter.remove(str(number))
    snapshotter.garbage_collect()
    assert names(backend) == []


def test_what_other_namespaces_keep_is_not_collected(snapshotter: Snapshotter, backend: Watched) -> None:
    with namespace("other"):
        snapshotter.prepare("key")
    snapshotter.prepare("key")
    snapshotter.remove("key")
    snapshotter.garbage_collect()
    assert names(backend) == ["other/1/key"]


def test_what_a_killed_daemon_has_not_written_down_is_collected(
    snapshotter: Snapshotter, backend: Watched
) -> None:
    backend.prepare("test/7/key")
    snapshotter.garbage_collect()
    assert names(backend) == []


def test_without_its_lease_a_snapshot_is_taken_back(snapshotter: Snapshotter, backend: Watched) -> None:
    with lease("nosuch"), pytest.raises(NotFound):
        snapshotter.prepare("key")
    assert names(backend) == []
    assert snapshotter.list() == []


def test_a_parent_removed_while_its_child_is_made(
    snapshotter: Snapshotter, backend: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshotter.prepare("key")
    snapshotter.commit("base", "key")
    prepare = backend.prepare

    def removing(key: str, parent: str, labels: Mapping[str, str]) -> Sequence[Mount]:
        snapshotter.remove("base")
        return prepare(key, parent, labels)

    monkeypatch.setattr(backend, "prepare", removing)
    with pytest.raises(NotFound) as caught:
        snapshotter.prepare("key", "base")
    assert str(caught.value) == "parent snapshot base does not exist: not found"
    assert snapshotter.list() == []
    assert names(backend) == ["test/2/base"]


def test_a_commit_that_the_backend_refuses_changes_nothing(
    snapshotter: Snapshotter, backend: Watched, metadata: Metadata
) -> None:
    snapshotter.prepare("key", labels={"a": "1"})
    LeaseManager(metadata).create(Lease("l"))

    def refuse() -> None:
        raise OSError("no space left on device")

    backend.before_commit = refuse
    with lease("l"), pytest.raises(OSError, match="no space left"):
        snapshotter.commit("name", "key")
    assert snapshotter.stat("key").labels == {"a": "1"}
    assert LeaseManager(metadata).list_resources(Lease("l")) == []
    with pytest.raises(NotFound):
        snapshotter.stat("name")
    backend.before_commit = nothing
    snapshotter.commit("name", "key")
    assert snapshotter.stat("name").kind is Kind.COMMITTED


def test_during_a_commit_its_name_is_taken_and_not_seen(snapshotter: Snapshotter, backend: Watched) -> None:
    snapshotter.prepare("key")
    snapshotter.prepare("other")
    seen: list[str] = []

    def look() -> None:
        seen.extend(info.name for info in snapshotter.list())
        for attempt in (lambda: snapshotter.prepare("name"), lambda: snapshotter.commit("name", "other")):
            with pytest.raises(AlreadyExists):
                attempt()
        with pytest.raises(NotFound):
            snapshotter.mounts("name")
        with pytest.raises(NotFound):
            snapshotter.remove("name")

    backend.before_commit = look
    snapshotter.commit("name", "key")
    assert seen == ["key", "other"]
    assert [info.name for info in snapshotter.list()] == ["name", "other"]


def test_who_is_told_that_a_name_exists_finds_it(snapshotter: Snapshotter, backend: Watched) -> None:
    snapshotter.prepare("key")
    snapshotter.prepare("other")
    told, found = threading.Event(), list[Info]()

    def second() -> None:
        with namespace("test"):
            with pytest.raises(AlreadyExists):
                snapshotter.commit("name", "other")
            found.append(snapshotter.stat("name"))
        told.set()

    thread = threading.Thread(target=second)

    def meanwhile() -> None:
        thread.start()
        told.wait(0.5)  # in vain, unless the second is told too early

    backend.before_commit = meanwhile
    snapshotter.commit("name", "key")
    thread.join()
    assert found == [snapshotter.stat("name")]


def test_a_target_counts_when_it_is_seen(snapshotter: Snapshotter, backend: Watched) -> None:
    labels = {"containerd.io/snapshot.ref": "name"}
    snapshotter.prepare("key")

    def prepare() -> None:
        snapshotter.prepare("other", labels=labels)

    backend.before_commit = prepare
    snapshotter.commit("name", "key")
    with pytest.raises(AlreadyExists, match="target snapshot"):
        snapshotter.prepare("third", labels=labels)


def test_a_key_that_is_gone_after_its_commit(snapshotter: Snapshotter, backend: Watched) -> None:
    """Somebody removes it, and makes another of this key, while the backend works."""
    snapshotter.prepare("key")

    def replace() -> None:
        snapshotter.remove("key")
        snapshotter.prepare("key", labels={"new": "1"})

    backend.after_commit = replace
    with pytest.raises(NotFound) as caught:
        snapshotter.commit("name", "key")
    assert str(caught.value) == "snapshot key does not exist: not found"
    assert [(info.name, info.labels) for info in snapshotter.list()] == [("key", {"new": "1"})]
    snapshotter.garbage_collect()
    assert names(backend) == ["test/3/key"]
    assert snapshotter.mounts("key")


def test_one_key_committed_twice_at_once(snapshotter: Snapshotter, backend: Watched) -> None:
    snapshotter.prepare("key")

    def second() -> None:
        backend.before_commit = nothing
        snapshotter.commit("second", "key")

    backend.before_commit = second
    with pytest.raises(NotFound):
        snapshotter.commit("first", "key")
    assert [info.name for info in snapshotter.list()] == ["second"]
    assert names(backend) == ["test/3/second"]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_commit_cut_short_is_forgotten_or_ended_when_the_daemon_comes_back(
    done: bool, tmp_path: Path, backend: Watched
) -> None:
    def kill() -> None:
        monkey.setattr(metadata, "update", dead)
        raise Killed

    def dead(_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as monkey, namespace("test"), opened(tmp_path, backend) as metadata:
        snapshotter = metadata.snapshotter("native")
        snapshotter.prepare("key")
        snapshotter.commit("base", "key")
        snapshotter.prepare("key", "base", {"prepared": "1"})
        LeaseManager(metadata).create(Lease("l"))
        if done:
            backend.after_commit = kill
        else:
            backend.before_commit = kill
        with lease("l"), pytest.raises(Killed):
            snapshotter.commit("top", "key", {"committed": "1"})
    backend.before_commit = backend.after_commit = nothing
    with opened(tmp_path, backend) as metadata, namespace("test"):
        again = metadata.snapshotter("native")
        found = [(info.name, info.parent, info.kind, info.labels) for info in again.list()]
        base: tuple[str, str, Kind, Mapping[str, str]] = ("base", "", Kind.COMMITTED, {})
        if done:
            assert found == [base, ("top", "base", Kind.COMMITTED, {"committed": "1"})]
            assert LeaseManager(metadata).list_resources(Lease("l")) == [Resource("top", "snapshots/native")]
        else:
            assert found == [base, ("key", "base", Kind.ACTIVE, {"prepared": "1"})]
            again.commit("top", "key")
        with pytest.raises(FailedPrecondition):
            again.remove("base")
        again.garbage_collect()
        assert [name.split("/")[2] for name in names(backend)] == ["base", "top"]
        assert again.usage("top").inodes == 1


def test_a_collection_waits_for_who_makes_a_snapshot(snapshotter: Snapshotter, backend: Watched) -> None:
    """Otherwise it would take the tree that has no record yet."""
    snapshotter.prepare("key")
    collector = threading.Thread(target=snapshotter.garbage_collect)

    def collect() -> None:
        collector.start()
        collector.join(0.2)
        assert ("cleanup",) not in backend.calls

    backend.after_commit = collect
    snapshotter.commit("name", "key")
    collector.join()
    assert ("cleanup",) in backend.calls
    assert names(backend) == ["test/2/name"]


def test_many_threads(snapshotter: Snapshotter, backend: Watched) -> None:
    snapshotter.prepare("key")
    snapshotter.commit("base", "key")

    def work(number: int) -> None:
        with namespace("test"):
            for turn in range(10):
                snapshotter.prepare(f"{number}", "base")
                snapshotter.commit(f"{number}-{turn}", f"{number}")
                snapshotter.garbage_collect()
                snapshotter.remove(f"{number}-{turn}")
            snapshotter.view(f"{number}", "base")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    snapshotter.garbage_collect()
    assert [info.name for info in snapshotter.list()] == ["0", "1", "2", "3", "4", "5", "base"]
    assert len(names(backend)) == 7
