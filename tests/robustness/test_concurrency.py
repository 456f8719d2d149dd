"""Many at once: each sees a whole and ordered world, and nobody waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from companion.api.services.containers.v1.containers_pb2 import ListContainersRequest
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.backend.exchange import Exchange
from companion.config import Config
from companion.core.errors import AlreadyExists
from companion.core.events import Subscription
from companion.core.namespaces import HEADER, namespace
from companion.core.typeurl import Any as Payload
from companion.daemon import STREAMS, Daemon
from companion.plugin import EVENT
from companion.store.containers import ContainerStore
from companion.store.database import Database
from tests.daemons import PROJECT
from tests.robustness.place import GUARD, NAMESPACE, Place, as_user, eventually, record

LONELY = 64_321
"""A user of whom there is no other process."""

EVENTS = 100
CALLERS = 64
RECORDS = 10_000
SUBSCRIBERS = 100


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


def test_all_subscribers_hear_all_events_in_one_order_while_calls_go_on(place: Place) -> None:
    ready = threading.Semaphore(0)

    def create(name: str) -> None:
        for n in range(EVENTS // 4):
            client.container_service.create(record(f"{name}-{n}"))

    def hear(subscription: Subscription) -> list[Payload | None]:
        next(iter(subscription))
        ready.release()
        created = (envelope for envelope in subscription if envelope.topic == "/containers/create")
        return [envelope.event for envelope in islice(created, EVENTS)]

    def all_ready() -> bool:
        client.event_service.publish("/ready", None)
        return ready._value == SUBSCRIBERS

    with place.daemon(), place.client() as client, ThreadPoolExecutor(SUBSCRIBERS) as readers:
        heard = [readers.submit(hear, client.subscribe()) for _ in range(SUBSCRIBERS)]
        eventually(all_ready)
        with ThreadPoolExecutor(4) as writers:
            list(writers.map(create, "abcd"))
        first, *others = [each.result(GUARD) for each in heard]
        assert len(first) == EVENTS
        assert all(other == first for other in others)


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


@pytest.fixture
def inside(place: Place) -> Iterator[Daemon]:
    """A daemon in this process, so that the test can look into it."""
    with Daemon(Config(place.root, place.state, place.address)) as inside:
        yield inside


def exchange(daemon: Daemon) -> Exchange:
    found: Exchange = daemon.plugins.by_id(EVENT, "exchange")
    return found


def test_a_subscriber_that_reads_nothing_holds_up_nobody(place: Place, inside: Daemon) -> None:
    event = Payload("large", bytes(100_000))
    with place.client() as slow, place.client() as client:
        stuck, quick = slow.subscribe(), client.subscribe()
        eventually(lambda: len(exchange(inside)._subscriptions) == 2)
        for n in range(100):
            client.event_service.publish(f"/n/{n}", event)
        assert [envelope.topic for envelope in islice(quick, 100)] == [f"/n/{n}" for n in range(100)]
        assert [envelope.topic for envelope in islice(stuck, 100)] == [f"/n/{n}" for n in range(100)]


def test_the_daemon_keeps_of_events_only_what_is_not_read_yet(place: Place, inside: Daemon) -> None:
    with place.client() as client:
        subscription = client.subscribe()
        eventually(lambda: len(exchange(inside)._subscriptions) == 1)
        for n in range(50):
            client.event_service.publish(f"/n/{n}", None)
        list(islice(subscription, 50))
        [inner] = exchange(inside)._subscriptions
        assert inner._waiting.qsize() == 0


VANISHING = """
import sys, threading
from companion.client import Client

client = Client(sys.argv[1], default_namespace="test")
subscriptions = [client.subscribe() for _ in range(20)]
print("subscribed", flush=True)
threading.Event().wait()
"""


def test_nothing_is_left_of_subscribers_that_vanish(place: Place, inside: Daemon) -> None:
    command = [sys.executable, "-c", VANISHING, place.address]
    with (
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as vanishing,
        place.client() as client,
    ):
        assert vanishing.stdout is not None
        vanishing.stdout.readline()
        eventually(lambda: len(exchange(inside)._subscriptions) == 20)
        for n in range(100):
            client.event_service.publish(f"/n/{n}", Payload("large", bytes(100_000)))
        vanishing.kill()
        eventually(lambda: not exchange(inside)._subscriptions)
        eventually(lambda: not any(thread.name == "stream" for thread in threading.enumerate()))


@pytest.fixture
def health(place: Place) -> Iterator[HealthStub]:
    with grpc.insecure_channel(f"unix:{place.address}") as channel:
        yield HealthStub(channel)


def watches(health: HealthStub) -> Iterator[Any]:
    """Streams that stay open, until one is refused."""
    while True:
        stream = health.Watch(HealthCheckRequest())
        try:
            next(stream)
        except grpc.RpcError:
            assert (stream.code(), stream.details()) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "too many open streams",
            )
            return
        yield stream


def test_one_stream_too_many_is_refused_until_another_ends(place: Place, health: HealthStub) -> None:
    with place.daemon(), place.client() as client:
        streams = list(watches(health))
        assert len(streams) == STREAMS
        assert client.is_serving()
        streams[0].cancel()
        eventually(lambda: any(watches(health)))


def test_where_the_system_has_no_more_threads_streams_are_refused_and_calls_go_on(
    place: Place, health: HealthStub
) -> None:
    uid = LONELY if os.geteuid() == 0 else os.geteuid()
    os.chown(place.directory, uid, -1)
    few = ["prlimit", f"--nproc={threads_of(uid) + 60}"]
    with place.daemon(before=[*few, *as_user(uid)]) as daemon, place.client() as client:
        streams = list(watches(health))
        assert 0 < len(streams) < 60
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(lambda n: client.container_service.create(record(f"c{n}")), range(CALLERS)))
        assert daemon.stop() == 0


def threads_of(uid: int) -> int:
    """How many threads a user has."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            total += int(fields["Threads"]) if int(fields["Uid"].split()[0]) == uid else 0
    return total
