"""Many writers and readers at once: each sees a whole and ordered world."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import grpc
import pytest

from companion.api.services.containers.v1.containers_pb2 import ListContainersRequest
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.core.errors import AlreadyExists
from companion.core.namespaces import HEADER, namespace
from companion.store.containers import ContainerStore
from companion.store.database import Database
from tests.robustness.place import GUARD, NAMESPACE, Place, record

CALLERS = 64
RECORDS = 10_000


def test_of_many_that_create_one_id_exactly_one_wins(place: Place) -> None:
    together = threading.Barrier(CALLERS)

    def create(number: int) -> str:
        together.wait(GUARD)
        try:
            return client.container_service.create(record("one", winner=str(number))).labels["winner"]
        except AlreadyExists:
            return "lost"

    with place.daemon(), place.client() as client, ThreadPoolExecutor(CALLERS) as pool:
        outcomes = Counter(pool.map(create, range(CALLERS)))
        assert outcomes.pop("lost") == CALLERS - 1
        assert list(outcomes) == [client.container_service.get("one").labels["winner"]]


@contextmanager
def looping(step: Callable[[int], object]) -> Iterator[None]:
    """Run `step` with 0, 1, 2... in another thread as long as the block lasts."""
    over = threading.Event()

    def loop() -> None:
        n = 0
        while not over.is_set():
            step(n)
            n += 1

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop)
        try:
            yield
        finally:
            over.set()
            running.result(GUARD)


@pytest.fixture
def full(place: Place) -> list[str]:
    """The ids of many containers, which the daemon finds when it starts."""
    ids = [f"c{n:05}" for n in range(RECORDS)]
    place.database.parent.mkdir(parents=True)
    with Database(place.database) as db, namespace(NAMESPACE):
        store = ContainerStore(db)
        db.update(lambda _: [store.create(record(key, revision="0")) for key in ids])
    return ids


@pytest.mark.parametrize("method", ["List", "ListStream"])
def test_a_listing_shows_one_moment_in_order_while_others_write(
    place: Place, full: list[str], method: str
) -> None:
    """The writer goes through the first containers again and again; in one moment they form a stair."""
    writing = full[:50]

    def write(n: int) -> None:
        number, position = divmod(n, len(writing))
        changed = record(writing[position], revision=str(number + 1))
        writer.container_service.update(changed, "labels")

    with (
        place.daemon(),
        place.client() as writer,
        grpc.insecure_channel(f"unix:{place.address}", (("grpc.max_receive_message_length", -1),)) as channel,
        looping(write),
    ):
        stub, request = ContainersStub(channel), ListContainersRequest()
        for _ in range(3):
            if method == "List":
                found = list(stub.List(request, metadata=((HEADER, NAMESPACE),)).containers)
            else:
                stream = stub.ListStream(request, metadata=((HEADER, NAMESPACE),))
                found = [message.container for message in stream]
            assert [container.id for container in found] == full
            revisions = [int(container.labels["revision"]) for container in found[: len(writing)]]
            assert all(before - after in (0, 1) for before, after in pairwise(revisions))
            assert revisions[0] - revisions[-1] in (0, 1)


def test_a_listing_has_what_was_answered_before_it(place: Place) -> None:
    def create_and_list(name: str) -> None:
        for n in range(20):
            client.container_service.create(record(f"{name}-{n}"))
            assert len(client.containers(f"id~=^{name}-")) == n + 1

    with place.daemon(), place.client() as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(create_and_list, "abcdefgh"))


def test_threads_with_one_client_work_in_their_own_namespaces(place: Place) -> None:
    together = threading.Barrier(CALLERS)

    def work(number: int) -> list[str]:
        together.wait(GUARD)
        with namespace(f"n{number}"):
            for n in range(5):
                client.container_service.create(record(f"c{number}-{n}"))
            return [container.id for container in client.containers()]

    with place.daemon(), place.client() as client, ThreadPoolExecutor(CALLERS) as pool:
        found = list(pool.map(work, range(CALLERS)))
    assert found == [[f"c{number}-{n}" for n in range(5)] for number in range(CALLERS)]
