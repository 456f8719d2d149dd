"""A daemon that is told to end does so at once and in order, and comes back as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from companion.api.services.containers.v1.containers_pb2 import ListContainersRequest
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.api.services.content.v1.content_pb2 import WriteAction, WriteContentRequest
from companion.api.services.content.v1.content_pb2_grpc import ContentStub
from companion.api.services.events.v1.events_pb2 import SubscribeRequest
from companion.api.services.events.v1.events_pb2_grpc import EventsStub
from companion.client import Client
from companion.config import Config
from companion.core.errors import Cancelled, Error, Unavailable
from companion.core.leases import Lease
from companion.core.namespaces import HEADER, Namespace
from companion.daemon import Daemon
from tests.daemons import PROJECT, DaemonProcess
from tests.robustness.flushes import flushes, needs_strace
from tests.robustness.packages import install, seeing
from tests.robustness.place import GUARD, NAMESPACE, Place, eventually, record


def ended(daemon: DaemonProcess) -> int:
    """The exit code of a daemon that was told to end."""
    return daemon.process.wait(GUARD)


@pytest.fixture
def channel(place: Place) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"unix:{place.address}") as channel:
        yield channel


def subscribe(channel: grpc.Channel) -> Any:
    """An event stream, on which nothing comes."""
    return EventsStub(channel).Subscribe(SubscribeRequest())


def watch(channel: grpc.Channel) -> Any:
    """A health stream, which has said all it has to say."""
    stream = HealthStub(channel).Watch(HealthCheckRequest())
    next(stream)
    return stream


def write(channel: grpc.Channel) -> Any:
    """A blob that never gets its second piece."""
    requests: SimpleQueue[WriteContentRequest | None] = SimpleQueue()
    requests.put(WriteContentRequest(action=WriteAction.STAT, ref=uuid4().hex))
    stream: Any = ContentStub(channel).Write(iter(requests.get, None), metadata=((HEADER, NAMESPACE),))
    stream.add_done_callback(lambda _: requests.put(None))
    next(stream)
    return stream


def list_stream(channel: grpc.Channel) -> Any:
    """A list that is stuck in the middle, because nobody reads it."""
    stream = ContainersStub(channel).ListStream(ListContainersRequest(), metadata=((HEADER, NAMESPACE),))
    next(stream)
    return stream


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cuts_open_streams_and_ends_the_daemon_without_an_error(
    place: Place, channel: grpc.Channel, number: signal.Signals
) -> None:
    with place.daemon() as daemon:
        with place.client() as client:
            for n in range(40):
                client.container_service.create(record(f"c{n}", bytes(1_000_000)))
        streams = [opened(channel) for opened in (subscribe, watch, write, list_stream) for _ in range(5)]
        daemon.process.send_signal(number)
        assert ended(daemon) == 0
        assert not Path(place.address).exists()
        for stream in streams:
            with pytest.raises(grpc.RpcError):
                list(stream)
            assert stream.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert "Traceback" not in place.log.read_text()


def test_a_signal_ends_a_daemon_that_is_busy(place: Place) -> None:
    def create(prefix: str) -> None:
        with place.client() as client, suppress(Unavailable, Cancelled):
            for n in range(100_000):
                client.container_service.create(record(f"{prefix}{n}"))

    with place.daemon() as daemon, ThreadPoolExecutor(16) as pool:
        busy = [pool.submit(create, f"t{n}-") for n in range(16)]
        with place.client() as client:
            eventually(lambda: len(client.containers()) > 100)
        daemon.process.terminate()
        assert ended(daemon) == 0
        for call in busy:
            call.result(GUARD)
    assert "Traceback" not in place.log.read_text()


def test_a_burst_of_signals_ends_the_daemon_like_one(place: Place) -> None:
    for _ in range(8):
        with place.daemon() as daemon:
            while daemon.process.poll() is None and len(os.listdir(f"/proc/{daemon.pid}/task")) > 1:
                with suppress(ProcessLookupError):
                    os.kill(daemon.pid, signal.SIGTERM)
                    os.kill(daemon.pid, signal.SIGINT)
            assert ended(daemon) == 0


@needs_strace
def test_a_write_under_way_at_the_signal_is_finished_before_the_database_closes(place: Place) -> None:
    with place.daemon() as daemon, place.client() as client, ThreadPoolExecutor(1) as pool:
        with flushes(daemon.pid, place.directory / "flushes", delay=0.5) as seen:
            write = pool.submit(client.container_service.create, record("a"))
            eventually(lambda: seen.count() > 0)
            daemon.process.terminate()
            assert ended(daemon) == 0
        assert isinstance(write.exception(GUARD), Error)
    with place.daemon(), place.client() as client:
        assert [container.id for container in client.containers()] == ["a"]


CLOSE_UNDER_A_WRITER = """
import sys, threading, time
from pathlib import Path
from companion.store.database import Database

path, inside = Path(sys.argv[1]), threading.Event()

def write(root):
    root.create_bucket("b").put("key", b"value")
    inside.set()
    time.sleep(0.2)

db = Database(path)
writer = threading.Thread(target=db.update, args=(write,))
writer.start()
inside.wait()
db.close()
writer.join()
with Database(path) as db:
    print(db.view(lambda root: root.bucket("b").get("key")))
"""


def test_closing_the_database_waits_for_the_writer(tmp_path: Path) -> None:
    # In a process of its own: where LMDB closes under a writer, it holds Python's lock for ever.
    command = [sys.executable, "-c", CLOSE_UNDER_A_WRITER, str(tmp_path / "db")]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=GUARD, check=False)
    assert (result.stdout, result.stderr) == ("b'value'\n", "")


CLOSING = """
    from companion.plugin import METADATA, register

    class Closing:
        def __init__(self, name):
            self.name = name

        def close(self):
            print("closed", self.name, flush=True)
            raise RuntimeError("on purpose")

    for name, requires in ("third", ["t.2"]), ("first", [METADATA]), ("second", ["t.1"]):
        type = {"first": "t.1", "second": "t.2", "third": "t.3"}[name]
        register(type=type, id=name, requires=requires)(lambda context, name=name: Closing(name))
"""


def test_plugins_close_in_reverse_order_even_when_closing_fails(place: Place) -> None:
    install(place.directory, "closing", CLOSING)
    with place.daemon(env=seeing(place.directory)) as daemon:
        assert daemon.stop() == 0
    closed = [line.split()[1] for line in place.log.read_text().splitlines() if line.startswith("closed")]
    assert closed == ["third", "second", "first"]
    assert place.log.read_text().count("failed to close plugin t.") == 3


def test_a_daemon_that_comes_back_serves_the_same_records(place: Place) -> None:
    with place.daemon(), place.client() as client:
        client.namespace_service.create(Namespace(NAMESPACE, {"owner": "me"}))
        for n in range(10):
            client.container_service.create(record(f"c{n}", number=str(n)))
        client.leases_service.create(Lease("mine", labels={"a": "b"}))
        before = told(client)
        server = client.server().uuid
    with place.daemon(), place.client() as client:
        assert told(client) == before
        assert client.server().uuid == server


def told(client: Client) -> list[object]:
    """All that the daemon keeps."""
    listed: list[Callable[[], Any]] = [
        client.container_service.list,
        client.namespace_service.list,
        client.leases_service.list,
    ]
    return [list(each()) for each in listed]


def test_a_client_finds_a_daemon_that_came_back_by_itself(place: Place) -> None:
    with place.client() as client:
        with place.daemon():
            client.container_service.create(record("a"))
            stream = client.subscribe()
        with pytest.raises((Unavailable, Cancelled)):
            next(iter(stream))
        with pytest.raises(Unavailable):
            client.container_service.get("a")
        with place.daemon():
            eventually(lambda: finds(client, "a"))


def finds(client: Client, name: str) -> bool:
    """Whether there is such a container, and a daemon to ask."""
    try:
        return client.container_service.get(name).id == name
    except Unavailable:
        return False


def test_starting_and_stopping_again_and_again_leaves_nothing_behind(place: Place) -> None:
    def cycle() -> tuple[int, int]:
        with Daemon(Config(place.root, place.state, place.address)), place.client() as client:
            client.container_service.list()
            client.subscribe()
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    cycle()  # what gRPC starts once for the process
    before = cycle()
    for _ in range(3):
        after = cycle()
    assert after <= before
