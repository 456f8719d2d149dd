"""Collections killed, and collections while others write: what is held stays, and nothing dangles."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from companion.client import Client
from companion.core.errors import Error
from companion.core.leases import Lease
from companion.core.namespaces import namespace
from companion.store.content_buckets import referenced
from companion.store.snapshot_bucket import every
from tests.daemons import PROJECT
from tests.robustness import killed_collection
from tests.robustness.killed_collection import Stores, held, made, opened, verify
from tests.robustness.place import GUARD, NAMESPACE, Place
from tests.robustness.test_snapshots_crash import killed

ROUNDS = 10


def run_killed(directory: Path, last: int) -> int:
    """Collect in another process, up to a line of its code; return how many lines it has run."""
    directory.mkdir()
    process = subprocess.run(
        [sys.executable, killed_collection.__file__, directory, str(last)],
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


def verify_each_record_has_its_bytes(stores: Stores) -> None:
    """Hold that blobs and snapshots are whole. An ingest has its record first: there may be no bytes yet."""
    digests = {name for name in stores.metadata.view(referenced) if name.startswith("sha256:")}
    assert digests <= {info.digest for info in stores.blobs.list()}
    assert _trees(stores) <= {info.name for info in stores.trees.list()}


def verify_all_bytes_have_a_record(stores: Stores) -> None:
    found = {info.digest for info in stores.blobs.list()}
    found |= {status.ref for status in stores.blobs.list_statuses()}
    assert found <= stores.metadata.view(referenced)
    assert {info.name for info in stores.trees.list()} == _trees(stores)


def _trees(stores: Stores) -> set[str]:
    return stores.metadata.view(
        lambda root: {name for each in every(root, "native") for name in each.backend_names().values()}
    )


def test_killed_at_ten_places_on_the_way(tmp_path: Path) -> None:
    total = run_killed(tmp_path / "whole", 0)
    for turn in range(ROUNDS):
        directory = tmp_path / f"{turn}"
        run_killed(directory, 1 + total * turn // ROUNDS)
        with (
            opened(directory / "content", directory / "native", directory / "meta.db") as stores,
            namespace("test"),
        ):
            store, snapshotter = stores.metadata.content_store, stores.metadata.snapshotter("native")
            verify_each_record_has_its_bytes(stores)
            stores.metadata.garbage_collect()
            verify_each_record_has_its_bytes(stores)
            verify_all_bytes_have_a_record(stores)
            verify(store, snapshotter, "kept")
            assert len(list(stores.blobs.list())) == len(store.list()) == 2
            assert [info.name for info in snapshotter.list()] == ["kept base", "kept top"]
            assert len(list((directory / "native/snapshots").iterdir())) == 2


def litter(client: Client) -> None:
    """Make garbage, and have it collected, on and on."""
    store, snapshotter = client.content_store, client.snapshot_service("native")
    for number in range(1_000_000):
        name = f"{time.monotonic_ns()}"
        held(client.leases_service, store, snapshotter, name)
        client.leases_service.delete(Lease(name), sync=bool(number % 2))


def test_a_daemon_killed_ten_times_while_it_collects(place: Place) -> None:
    chance = random.Random(5)
    with place.daemon(), place.client() as client:
        held(client.leases_service, client.content_store, client.snapshot_service("native"), "kept")
    for _ in range(ROUNDS):
        with place.daemon() as daemon, place.client() as client, killed(daemon, chance.uniform(0.1, 0.6)):
            litter(client)
        with place.daemon(), place.client() as client:
            verify(client.content_store, client.snapshot_service("native"), "kept")
    content, native = (
        place.root / f"io.containerd.{name}" for name in ("content.v1.content", "snapshotter.v1.native")
    )
    with opened(content, native, place.database) as stores, namespace(NAMESPACE):
        verify_each_record_has_its_bytes(stores)
        for each in stores.leases.list():
            if each.id != "kept":
                stores.leases.delete(each)
        stores.metadata.garbage_collect()
        verify_each_record_has_its_bytes(stores)
        verify_all_bytes_have_a_record(stores)
        verify(stores.metadata.content_store, stores.metadata.snapshotter("native"), "kept")
        assert len(list(stores.blobs.list())) == 2


def test_a_delay_that_cannot_be_read_fails_the_plugin(place: Place) -> None:
    flags = place.configured('version = 2\n[plugins."io.containerd.gc.v1.scheduler"]\nschedule_delay = "x"\n')
    with place.daemon(*flags), place.client() as client:
        (scheduler,) = client.introspection_service.plugins("id==scheduler")
        assert scheduler.init_error is not None
        assert scheduler.init_error.message == 'time: invalid duration "x"'
        assert not client.container_service.list()


def test_a_synchronous_delete_waits_for_the_configured_delay(place: Place) -> None:
    """With hours between start, deletion and collection, only who waits has it come, and after the delay."""
    delays = 'startup_delay = "1h"\nschedule_delay = "10ms"\n'
    flags = place.configured(f'version = 2\n[plugins."io.containerd.gc.v1.scheduler"]\n{delays}')
    with place.daemon(*flags), place.client() as client:
        client.snapshot_service("native").prepare("key")
        client.leases_service.delete(client.leases_service.create(Lease()))
        assert len(client.snapshot_service("native").list()) == 1
        client.leases_service.delete(client.leases_service.create(Lease()), sync=True)
        assert len(client.snapshot_service("native").list()) == 0


def test_what_is_held_stays_while_collections_run_back_to_back(tmp_path: Path) -> None:
    over = threading.Event()

    def collect(stores: Stores) -> int:
        count = 0
        while not over.is_set():
            stores.metadata.garbage_collect()
            count += 1
        return count

    def write(stores: Stores, number: int) -> None:
        store, snapshotter = stores.metadata.content_store, stores.metadata.snapshotter("native")
        # Half of the threads share their namespace with another, and all of them their bytes.
        with namespace(f"ns{number // 2}"):
            for turn in range(8):
                name = f"{number % 2} {turn}"
                held(stores.leases, store, snapshotter, name)
                with suppress(Error):  # what nothing holds may go at any moment
                    made(store, snapshotter, f"litter {name}")
                verify(store, snapshotter, name)
                stores.leases.delete(Lease(name))

    with opened(tmp_path / "content", tmp_path / "native", tmp_path / "meta.db") as stores:
        with ThreadPoolExecutor(5) as pool:
            collecting = pool.submit(collect, stores)
            try:
                for done in [pool.submit(write, stores, number) for number in range(4)]:
                    done.result(GUARD)
            finally:
                over.set()
            assert collecting.result(GUARD) > 0
        verify_each_record_has_its_bytes(stores)
        stores.metadata.garbage_collect()
        verify_all_bytes_have_a_record(stores)
        assert list(stores.trees.list()) == []
        assert list(stores.blobs.list()) == []
