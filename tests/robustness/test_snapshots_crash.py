"""A daemon killed while it works on a snapshot: a second try completes it, and nothing is left over."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from companion.backend.snapshots.native import NativeSnapshotter
from companion.core import labels, snapshots
from companion.core.errors import AlreadyExists, Error, NotFound
from companion.core.namespaces import namespace
from companion.core.snapshots import Kind
from companion.store.snapshots import Snapshotter
from tests.daemons import PROJECT, DaemonProcess
from tests.robustness import killed_snapshots
from tests.robustness.killed_snapshots import opened
from tests.robustness.place import GUARD, NAMESPACE, Place

ROUNDS = 10


def run_killed(directory: Path, operation: str, last: int) -> int:
    """Set up and work in another process, up to a line of its code; return how many lines it has run."""
    directory.mkdir()
    process = subprocess.run(
        [sys.executable, killed_snapshots.__file__, directory, operation, str(last)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    if last:
        assert process.returncode == -signal.SIGKILL, process.stderr
        return last
    return int(process.stdout)


def verify_nothing_is_left(
    snapshotter: Snapshotter, backend: NativeSnapshotter, directory: Path, expected: dict[str, Kind]
) -> None:
    """Hold what is known in both places, and what is on the disk, to these snapshots with a tree for each."""
    assert {info.name: info.kind for info in snapshotter.list()} == expected
    snapshotter.garbage_collect()
    kinds = {info.name.split("/")[2]: info.kind for info in backend.list()}
    assert kinds == expected
    on_disk = [path.name for path in (directory / "native/snapshots").iterdir()]
    assert len(on_disk) == len(expected)
    assert all(name.isdecimal() for name in on_disk)


def try_again_to_prepare(snapshotter: Snapshotter) -> dict[str, Kind]:
    with suppress(AlreadyExists):
        snapshotter.prepare("new", "base")
    (mount,) = snapshotter.mounts("new")
    assert Path(mount.source).is_dir()
    return {"base": Kind.COMMITTED, "key": Kind.ACTIVE, "new": Kind.ACTIVE}


def try_again_to_commit(snapshotter: Snapshotter) -> dict[str, Kind]:
    with suppress(AlreadyExists):
        snapshotter.commit("name", "key", {"committed": "1"})
    assert snapshotter.stat("name").labels == {"committed": "1"}
    assert snapshotter.stat("name").parent == "base"
    assert snapshotter.usage("name").inodes == 3
    (mount,) = snapshotter.view("view", "name")
    assert (Path(mount.source) / "directory/file").read_text() == "text"
    snapshotter.remove("view")
    return {"base": Kind.COMMITTED, "name": Kind.COMMITTED}


def try_again_to_remove(snapshotter: Snapshotter) -> dict[str, Kind]:
    with suppress(NotFound):
        snapshotter.remove("key")
    return {"base": Kind.COMMITTED}


AGAIN: dict[str, Callable[[Snapshotter], dict[str, Kind]]] = {
    "prepare": try_again_to_prepare,
    "commit": try_again_to_commit,
    "remove": try_again_to_remove,
}


@pytest.mark.parametrize("operation", AGAIN)
def test_killed_at_ten_places_on_the_way(operation: str, tmp_path: Path) -> None:
    total = run_killed(tmp_path / "whole", operation, 0)
    for turn in range(ROUNDS):
        directory = tmp_path / f"{turn}"
        run_killed(directory, operation, 1 + total * turn // ROUNDS)
        with opened(directory) as (snapshotter, backend), namespace("test"):
            expected = AGAIN[operation](snapshotter)
            verify_nothing_is_left(snapshotter, backend, directory, expected)
            for name in sorted(expected, reverse=True):
                snapshotter.remove(name)
            verify_nothing_is_left(snapshotter, backend, directory, {})


@contextmanager
def killed(daemon: DaemonProcess, delay: float) -> Iterator[None]:
    """Let the daemon die in the block, after so many seconds; what fails by it is no error."""

    def kill() -> None:
        time.sleep(delay)
        daemon.process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with suppress(Error):
        yield
    killer.join()
    daemon.process.wait()


KEPT = {labels.GC_ROOT: "1"}
"""The labels of what is no garbage, though nothing leads to it."""


def work(snapshotter: snapshots.Snapshotter) -> None:
    """Make, commit and remove snapshots, on and on; what an earlier run has left is completed first."""
    for info in snapshotter.list():
        if info.kind is Kind.ACTIVE:
            snapshotter.commit(f"{info.name} again", info.name, KEPT)
    for number in range(1_000_000):
        snapshotter.prepare(f"key {number}", "base", KEPT)
        snapshotter.commit(f"name {number}", f"key {number}", KEPT)
        if number % 2:
            snapshotter.remove(f"name {number}")


def test_a_daemon_killed_ten_times_over_the_wire(place: Place) -> None:
    chance = random.Random(4)
    seen = set()
    for turn in range(ROUNDS):
        with place.daemon() as daemon, place.client() as client:
            snapshotter = client.snapshot_service("native")
            if turn == 0:
                snapshotter.prepare("key", labels=KEPT)
                snapshotter.commit("base", "key", KEPT)
            with killed(daemon, chance.uniform(0.05, 0.3)):
                work(snapshotter)
        with place.daemon(), place.client() as client:
            snapshotter = client.snapshot_service("native")
            for info in snapshotter.list():
                seen.add(info.kind)
                assert snapshotter.usage(info.name).inodes == 1
                if info.kind is Kind.ACTIVE:
                    snapshotter.commit(f"{info.name}!", info.name, KEPT)
                    assert snapshotter.view("view", f"{info.name}!", KEPT)
                    snapshotter.remove("view")
                    snapshotter.remove(f"{info.name}!")
                elif info.name != "base":
                    snapshotter.remove(info.name)
            assert [info.name for info in snapshotter.list()] == ["base"]
    assert Kind.COMMITTED in seen
    collected(place)


def collected(place: Place) -> None:
    """Let the collector work on what the daemon has left, and look at the disk."""
    uri = place.root / "io.containerd.snapshotter.v1.native"
    for name, path in {"native": uri, "meta.db": place.database}.items():
        path.rename(place.directory / name)
    with opened(place.directory) as (snapshotter, backend), namespace(NAMESPACE):
        verify_nothing_is_left(snapshotter, backend, place.directory, {"base": Kind.COMMITTED})
