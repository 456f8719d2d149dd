"""The backends: directories and their records."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.backend.snapshots.directories import DirectorySnapshotter
from companion.backend.snapshots.native import NativeSnapshotter
from companion.backend.snapshots.overlayfs import OverlaySnapshotter
from companion.backend.snapshots.records import RecordsError
from companion.config import Config
from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from companion.core.mounting import mounted
from companion.core.mounts import Mount
from companion.core.snapshots import Info, Kind, Usage
from companion.daemon import Daemon
from companion.plugin import SNAPSHOTTER

Kinds = type[NativeSnapshotter] | type[OverlaySnapshotter]


@pytest.fixture(params=[NativeSnapshotter, OverlaySnapshotter])
def make(request: pytest.FixtureRequest) -> Kinds:
    found: Kinds = request.param
    return found


@pytest.fixture
def backend(make: Kinds, tmp_path: Path) -> Iterator[DirectorySnapshotter]:
    backend = make(tmp_path / "root")
    yield backend
    backend.close()


@pytest.fixture
def native(tmp_path: Path) -> Iterator[NativeSnapshotter]:
    backend = NativeSnapshotter(tmp_path / "root")
    yield backend
    backend.close()


def directories(root: Path) -> set[str]:
    return {path.name for path in (root / "snapshots").iterdir()}


def layer(backend: DirectorySnapshotter, name: str, parent: str = "") -> None:
    backend.prepare("key", parent)
    backend.commit(name, "key")


def test_directories_are_closed_to_others(make: Kinds, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        backend = make(tmp_path / "root")
        backend.prepare("key")
    finally:
        os.umask(before)
    backend.close()
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "root", tmp_path / "root/snapshots")}
    assert modes == {0o700}


@pytest.mark.parametrize("mask", [0, 0o077, 0o777])
def test_the_mask_of_the_daemon_does_not_show(mask: int, native: NativeSnapshotter) -> None:
    before = os.umask(mask)
    try:
        (mount,) = native.prepare("key")
    finally:
        os.umask(before)
    assert Path(mount.source).stat().st_mode & 0o777 == 0o755


def test_records_outlive_the_process(make: Kinds, tmp_path: Path) -> None:
    backend = make(tmp_path / "root")
    layer(backend, "base")
    mounts = backend.prepare("active", "base")
    found = backend.list()
    backend.close()
    again = make(tmp_path / "root")
    assert again.list() == found == [Info("base", "", Kind.COMMITTED), Info("active", "base", Kind.ACTIVE)]
    assert again.mounts("active") == mounts
    again.close()


def test_parents_are_listed_before_their_children(backend: DirectorySnapshotter) -> None:
    layer(backend, "z")
    layer(backend, "m", "z")
    backend.view("a", "m")
    assert [info.name for info in backend.list()] == ["z", "m", "a"]


def test_numbers_are_never_given_twice(make: Kinds, tmp_path: Path) -> None:
    seen = set()
    for _ in range(3):
        backend = make(tmp_path / "root")
        backend.prepare("key")
        seen |= directories(tmp_path / "root")
        backend.remove("key")
        backend.cleanup()
        assert directories(tmp_path / "root") == set()
        backend.close()
    assert seen == {"1", "2", "3"}


def test_a_removed_snapshot_leaves_its_directory_to_cleanup(
    backend: DirectorySnapshotter, tmp_path: Path
) -> None:
    backend.prepare("one")
    backend.prepare("two")
    backend.remove("one")
    assert directories(tmp_path / "root") == {"1", "2"}
    backend.cleanup()
    assert directories(tmp_path / "root") == {"2"}


def test_cleanup_takes_what_a_killed_daemon_has_left(make: Kinds, tmp_path: Path) -> None:
    backend = make(tmp_path / "root")
    backend.prepare("key")
    for name in ("2", "77", "new-1234", "rm-1234"):  # a number is left where a record was not yet written
        (tmp_path / "root/snapshots" / name / "fs/etc").mkdir(parents=True)
    backend.prepare("other")
    backend.cleanup()
    assert directories(tmp_path / "root") == {"1", "2"}
    (mount,) = backend.mounts("other")
    assert list(Path(mount.source).iterdir()) == []
    backend.close()


def test_cleanup_goes_on_where_something_cannot_be_removed(
    native: NativeSnapshotter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "root/snapshots/rm-file").touch()
    (tmp_path / "root/snapshots/rm-tree").mkdir()
    native.cleanup()
    assert directories(tmp_path / "root") == {"rm-file"}
    assert "failed to remove directory" in caplog.text


def test_what_fails_to_be_copied_leaves_nothing(native: NativeSnapshotter, tmp_path: Path) -> None:
    (mount,) = native.prepare("key")
    (Path(mount.source) / "file").touch()
    native.commit("base", "key")
    (Path(mount.source) / "file").unlink()
    Path(mount.source).rmdir()
    with pytest.raises(FileNotFoundError):
        native.prepare("copy", "base")
    assert directories(tmp_path / "root") == set()
    assert [info.name for info in native.list()] == ["base"]


def test_errors_of_create(backend: DirectorySnapshotter) -> None:
    backend.prepare("active")
    expected: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: backend.prepare("active"), AlreadyExists, "snapshot active: already exists"),
        (lambda: backend.view("v", "nope"), NotFound, "snapshot nope does not exist: not found"),
        (
            lambda: backend.prepare("k", "active"),
            InvalidArgument,
            'parent "active" is not committed snapshot: invalid argument',
        ),
    ]
    for call, error, text in expected:
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == f"failed to create snapshot: {text}"


def test_errors_of_commit(backend: DirectorySnapshotter) -> None:
    layer(backend, "base")
    backend.prepare("active")
    backend.view("view")
    expected: list[tuple[str, str, type[Exception], str]] = [
        ("x", "nope", NotFound, "snapshot nope does not exist: not found"),
        ("x", "base", FailedPrecondition, 'snapshot "base" is not active: failed precondition'),
        ("x", "view", FailedPrecondition, 'snapshot "view" is not active: failed precondition'),
        ("base", "active", AlreadyExists, "committed snapshot base: already exists"),
    ]
    for name, key, error, text in expected:
        with pytest.raises(error) as caught:
            backend.commit(name, key)
        assert str(caught.value) == f"failed to commit snapshot: {text}"


def test_a_snapshot_with_children_stays(backend: DirectorySnapshotter) -> None:
    layer(backend, "base")
    backend.view("view", "base")
    with pytest.raises(FailedPrecondition) as caught:
        backend.remove("base")
    assert str(caught.value) == "cannot remove snapshot with child: failed precondition"
    with pytest.raises(NotFound):
        backend.remove("nope")


def test_usage(backend: DirectorySnapshotter) -> None:
    layer(backend, "base")
    backend.view("view", "base")
    assert backend.usage("base").inodes == 1
    assert backend.usage("view") == Usage()


def test_a_copy_keeps_nobody_waiting(native: NativeSnapshotter, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one tree is being made, other snapshots are made, committed and removed."""
    layer(native, "base")
    begun, go_on = threading.Event(), threading.Event()
    fill = native._fill

    def slow(draft: Path, kind: Kind, parents: tuple[int, ...]) -> None:
        fill(draft, kind, parents)
        if threading.current_thread() is copier:
            begun.set()
            go_on.wait(60)

    monkeypatch.setattr(native, "_fill", slow)
    copier = threading.Thread(target=native.prepare, args=("copy", "base"))
    copier.start()
    assert begun.wait(60)
    layer(native, "other", "base")
    native.remove("other")
    native.cleanup()
    go_on.set()
    copier.join()
    assert [info.name for info in native.list()] == ["base", "copy"]
    (mount,) = native.mounts("copy")
    assert Path(mount.source).is_dir()


def test_many_threads(native: NativeSnapshotter, tmp_path: Path) -> None:
    layer(native, "base")

    def work(number: int) -> None:
        for turn in range(10):
            native.prepare(f"{number}-{turn}", "base")
            native.commit(f"{number}-{turn}!", f"{number}-{turn}")
            native.remove(f"{number}-{turn}!")
            native.cleanup()
        native.prepare(f"{number}", "base")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    native.cleanup()
    assert {info.name for info in native.list()} == {"base", *map(str, range(8))}
    assert len(directories(tmp_path / "root")) == 9


def test_a_database_in_use_is_refused(make: Kinds, backend: DirectorySnapshotter, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"/metadata.db: database is locked$"):
        make(tmp_path / "root")


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.db").write_bytes(b"something else" * 1000)
    with pytest.raises(RecordsError, match=r"/metadata.db: file is not a database$"):
        NativeSnapshotter(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "metadata.db") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(RecordsError, match=r"/metadata.db: format 2 is newer than this version reads \(1\)$"):
        NativeSnapshotter(tmp_path)


def test_the_mounts_of_native(native: NativeSnapshotter, tmp_path: Path) -> None:
    trees = tmp_path / "root/snapshots"
    layer(native, "base")
    assert native.prepare("active", "base") == [Mount("bind", f"{trees}/2", ("rbind", "rw"))]
    assert native.view("view", "base") == [Mount("bind", f"{trees}/1", ("rbind", "ro"))]
    assert native.view("empty") == [Mount("bind", f"{trees}/4", ("rbind", "ro"))]
    assert directories(tmp_path / "root") == {"1", "2", "4"}


def test_native_copies_what_its_parent_holds(native: NativeSnapshotter) -> None:
    (mount,) = native.prepare("key")
    tree = Path(mount.source)
    (tree / "file").write_text("first")
    tree.chmod(0o1777)
    native.commit("base", "key")
    (mount,) = native.prepare("key", "base")
    copy = Path(mount.source)
    assert (copy / "file").read_text() == "first"
    assert copy.stat().st_mode & 0o7777 == 0o1777
    (copy / "file").write_text("second")
    assert (tree / "file").read_text() == "first"


@pytest.fixture
def overlays(tmp_path: Path) -> Iterator[OverlaySnapshotter]:
    backend = OverlaySnapshotter(tmp_path / "root")
    yield backend
    backend.close()


@pytest.mark.overlayfs
def test_overlays_show_what_differs_and_what_is_below(overlays: OverlaySnapshotter, tmp_path: Path) -> None:
    with mounted(overlays.prepare("key")) as tree:
        (tree / "kept").write_text("first")
        (tree / "changed").write_text("first")
        (tree / "removed").write_text("first")
    overlays.commit("base", "key")
    with mounted(overlays.prepare("key", "base")) as tree:
        (tree / "changed").write_text("second")
        (tree / "removed").unlink()
    overlays.commit("top", "key")
    for make in (overlays.prepare, overlays.view):
        with mounted(make(make.__name__, "top")) as tree:
            assert {path.name: path.read_text() for path in tree.iterdir()} == {
                "kept": "first",
                "changed": "second",
            }
    assert {path.name for path in (tmp_path / "root/snapshots/2/fs").iterdir()} == {"changed", "removed"}


@pytest.mark.overlayfs
@pytest.mark.parametrize("make", [NativeSnapshotter, OverlaySnapshotter])
def test_views_are_mounted_read_only(make: Kinds, tmp_path: Path) -> None:
    backend = make(tmp_path / "root")
    layer(backend, "base")
    layer(backend, "top", "base")
    for parent in ("", "base", "top"):
        with mounted(backend.view(f"on {parent}", parent)) as tree, pytest.raises(OSError, match="Read-only"):
            (tree / "file").touch()
    backend.close()


@pytest.mark.overlayfs
def test_a_new_layer_belongs_to_the_owner_of_the_one_below(overlays: OverlaySnapshotter) -> None:
    (mount,) = overlays.prepare("key")
    os.chown(mount.source, 1000, 1001)
    overlays.commit("base", "key")
    with mounted(overlays.prepare("key", "base")) as tree:
        assert (tree.stat().st_uid, tree.stat().st_gid) == (1000, 1001)


@pytest.mark.overlayfs
def test_in_a_user_namespace_overlays_use_the_attributes_of_users(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from companion.backend.snapshots.overlayfs import OverlaySnapshotter, check;"
        "root = Path(sys.argv[1]); check(root); backend = OverlaySnapshotter(root);"
        "backend.prepare('a'); backend.commit('A', 'a');"
        "print(backend.prepare('b', 'A')[0].options[-4]); backend.close()"
    )
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", script, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("userxattr\n", "")


def test_a_plugin_that_fails_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "root/io.containerd.snapshotter.v1.native/metadata.db"
    broken.mkdir(parents=True)
    with Daemon(Config(root=tmp_path / "root", state=tmp_path / "state")) as daemon:
        assert "native" not in daemon.plugins.by_id("io.containerd.metadata.v1", "bolt").snapshotters
    assert "could not use snapshotter native in metadata plugin: " in caplog.text


def test_a_root_elsewhere(tmp_path: Path) -> None:
    uri = "io.containerd.snapshotter.v1.native"
    config = Config(
        root=tmp_path / "root",
        state=tmp_path / "state",
        plugins={uri: {"root_path": str(tmp_path / "elsewhere")}},
    )
    with Daemon(config) as daemon:
        (mount,) = daemon.plugins.by_id(SNAPSHOTTER, "native").prepare("key")
    assert mount.source == f"{tmp_path}/elsewhere/snapshots/1"
