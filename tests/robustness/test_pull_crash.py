"""A client killed while it pulls: the next one fetches what is missing and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from companion.client import Client
from companion.core.blobs import read_blob
from companion.guide.image import NAME
from companion.guide.registry import Request
from tests import daemons
from tests.daemons import DaemonProcess
from tests.registries import Scripted, simple
from tests.robustness.place import GUARD, NAMESPACE, eventually

SIZE = 16 << 20
LAYERS = 5
ROUNDS = 10
STEP = SIZE * LAYERS // (2 * ROUNDS)
"""How much more has come when a client is killed, in bytes: far from all, that it can be killed ten times."""

PULL = """\
import sys
from companion.client import Client
from companion.client.remotes import Resolver
address, namespace, name, url = sys.argv[1:]
with Client(address, default_namespace=namespace) as client:
    client.pull(name, unpack=False, resolver=Resolver(mirrors={"docker.io": url}))
"""


@pytest.mark.parametrize(
    "daemon", [daemons.companion, pytest.param(daemons.containerd, marks=pytest.mark.interop)]
)
def test_killed_while_it_pulls(daemon: Callable[[], AbstractContextManager[DaemonProcess]]) -> None:
    with (
        Scripted(blobs=simple([os.urandom(SIZE) for _ in range(LAYERS)])) as registry,
        daemon() as process,
        Client(process.address, default_namespace=NAMESPACE) as client,
    ):
        resumed = 0
        for _ in range(ROUNDS):
            resumed += pull(registry, process, client, kill=True)
            assert list(client.image_service.list()) == []
        pull(registry, process, client, kill=False)
        assert resumed > 0
        assert client.get_image(NAME).target.digest == registry.blobs.target
        for digest, (_, data) in registry.blobs.blobs.items():
            assert read_blob(client.content_store, digest) == data
        assert list(client.content_store.list_statuses()) == []


def pull(registry: Scripted, daemon: DaemonProcess, client: Client, *, kill: bool) -> int:
    """Pull in a process of its own; return how many blobs of an earlier one it went on with."""
    whole = {info.digest for info in client.content_store.list()}
    begun = {status.ref.partition("-")[2]: status.offset for status in client.content_store.list_statuses()}
    registry.requests.clear()
    words = [daemon.address, NAMESPACE, NAME, f"http://{registry.host}"]
    with subprocess.Popen([sys.executable, "-c", PULL, *words], cwd=daemons.PROJECT) as child:
        if kill:
            goal = arrived(client) + STEP
            eventually(lambda: arrived(client) >= goal)
            child.kill()
        assert child.wait(GUARD) == (-9 if kill else 0)
    asked = dict(map(place_of, (each for each in registry.requests if each.method == "GET")))
    assert not whole & asked.keys()
    for digest in begun.keys() & asked.keys():
        assert asked[digest] >= begun[digest]
    return sum(1 for offset in asked.values() if offset)


def arrived(client: Client) -> int:
    """How many bytes the daemon has."""
    store = client.content_store
    return sum(info.size for info in store.list()) + sum(each.offset for each in store.list_statuses())


def place_of(request: Request) -> tuple[str, int]:
    """Which blob is asked for, and from where on."""
    digest = re.findall("sha256:[0-9a-f]{64}", request.path)[0]
    return digest, int(request.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
