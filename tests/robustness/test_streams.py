"""Many streams at once: none holds up another, and one too many is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from companion.backend.exchange import Exchange
from companion.config import Config
from companion.core.events import Subscription
from companion.core.typeurl import Any as Payload
from companion.daemon import STREAMS, Daemon
from companion.plugin import EVENT
from tests.daemons import PROJECT
from tests.robustness.place import GUARD, Place, as_user, eventually, record

LONELY = 64_321
"""A user of whom there is no other process."""

CALLERS = 64
EVENTS = 100
SUBSCRIBERS = 100


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
