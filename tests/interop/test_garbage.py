"""Collections that come of themselves, on both daemons: after a deletion, and after many mutations."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from companion.client import Client
from companion.core import labels
from companion.core.content import Info
from companion.core.leases import Lease
from companion.core.namespaces import Namespace
from tests.daemons import DaemonProcess
from tests.interop.conftest import CONTAINERD
from tests.robustness.place import eventually

THRESHOLD = 100
"""How many mutations are enough for a collection."""


@pytest.fixture(params=["companion", CONTAINERD])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client whose daemon nobody else works with, after a collection."""
    daemon: DaemonProcess = request.getfixturevalue(f"new_{request.param}")
    with Client(daemon.address, default_namespace="test") as client:
        delete_a_lease(client, sync=True)
        yield client


def delete_a_lease(client: Client, *, sync: bool) -> None:
    client.leases_service.delete(client.leases_service.create(Lease()), sync=sync)


def commit(client: Client, data: bytes, **given: str) -> Info:
    with client.content_store.writer(data.decode()) as writer:
        writer.write(data)
        writer.commit(labels=given)
    (info,) = client.content_store.list(f"digest=={writer.digest()}")
    return info


def test_a_deletion_of_anything_begins_a_collection(client: Client) -> None:
    commit(client, b"garbage")
    delete_a_lease(client, sync=False)
    eventually(lambda: not client.content_store.list())


def test_without_a_deletion_garbage_stays_until_there_are_enough_mutations(client: Client) -> None:
    commit(client, b"garbage")
    for number in range(THRESHOLD // 2):
        client.namespace_service.update(Namespace("test", {"number": f"{number}"}))
    time.sleep(1)  # in which a collection would come
    assert len(client.content_store.list()) == 1
    for number in range(THRESHOLD):
        client.namespace_service.update(Namespace("test", {"number": f"{number}"}))
    eventually(lambda: not client.content_store.list())


def test_what_is_kept_outlives_collections(client: Client) -> None:
    kept = commit(client, b"kept", **{labels.GC_ROOT: "1"})
    commit(client, b"garbage")
    delete_a_lease(client, sync=False)
    eventually(lambda: list(client.content_store.list()) == [kept])
