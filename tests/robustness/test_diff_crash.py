"""A daemon killed while it unpacks a layer: no mount is left, and a second try completes it."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import suppress
from pathlib import Path

from companion.client import Client
from companion.core.errors import Error
from tests.daemons import DaemonProcess
from tests.interop.trees import described, differences
from tests.robustness.layers import archive, directory, entry, gzipped, hard_link, unpacked
from tests.robustness.place import Place

ROUNDS = 10


def layer() -> bytes:
    """A layer that takes some time."""
    chance = random.Random(7)
    entries = [directory(f"d{n}", mtime=n) for n in range(50)]
    entries += [entry(f"d{n % 50}/f{n}", data=chance.randbytes(2000), mtime=n) for n in range(4000)]
    entries += [hard_link(f"d{n}/link", f"d{n}/f{n}") for n in range(50)]
    return gzipped(archive(entries))


def leftover_mounts(place: Place) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point.startswith(str(place.directory))]


def unpack_and_be_killed(daemon: DaemonProcess, client: Client, blob: bytes, delay: float) -> bool:
    """Let the daemon die so many seconds after it was asked; return whether it had answered before."""

    def kill() -> None:
        time.sleep(delay)
        daemon.process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    answered = False
    with suppress(Error):
        unpacked(client, blob, "+gzip")
        answered = True
    killer.join()
    daemon.process.wait()
    return answered


def test_killed_ten_times_while_it_unpacks(place: Place) -> None:
    blob, chance, cut_short = layer(), random.Random(3), 0
    with place.daemon(), place.client() as client:
        whole = described(unpacked(client, blob, "+gzip"), untimed=["."])
    assert len(whole) == 1 + 50 + 4000 + 50
    for _ in range(ROUNDS):
        with place.daemon() as daemon, place.client() as client:
            cut_short += not unpack_and_be_killed(daemon, client, blob, chance.uniform(0.1, 0.6))
        with place.daemon(), place.client() as client:
            assert leftover_mounts(place) == []
            assert differences(described(unpacked(client, blob, "+gzip"), untimed=["."]), whole) == []
    assert cut_short > 0
    assert os.listdir(place.root / "tmpmounts") == []
