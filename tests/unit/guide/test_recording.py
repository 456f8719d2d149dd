"""Recording real calls: through the wire, in process, with errors and with streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from companion.client import Client, namespace, with_new_spec
from companion.config import Config
from companion.core import trace
from companion.core.errors import NotFound
from companion.daemon import Daemon
from companion.guide import recording

LANES = [
    "Client",
    "RemoteContainerStore",
    "ContainersClient (stub)",
    "ContainersServer",
    "ContainersClient (local)",
    "ContainerStore",
]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with (
        TemporaryDirectory(prefix="c-") as base,
        Daemon(Config(Path(base, "root"), Path(base, "state"))) as it,
    ):
        yield it


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with Client(daemon.address) as client, namespace("recorded"):
        yield client
        for container in client.containers():
            container.delete()


def test_a_call_is_one_chain_of_hops_over_the_wire(client: Client) -> None:
    client.new_container("debian", with_new_spec())
    with recording() as call:
        client.load_container("debian")
    hops = call.hops("Container")
    assert [hop.lane for hop in hops] == LANES
    assert [hop.parent for hop in hops] == [None, 0, 1, 2, 3, 4]
    assert {hop.error for hop in hops} == {None}


def test_a_list_is_recorded_though_it_streams(client: Client) -> None:
    client.new_container("debian", with_new_spec())
    with recording() as call:
        client.containers()
    replies = {hop.lane: hop.reply for hop in call.hops("Container")}
    assert list(replies) == LANES
    assert replies["ContainersClient (stub)"] == "a stream"


def test_each_question_of_a_write_is_a_hop(client: Client) -> None:
    with recording() as call, client.content_store.writer("ref", 5) as writer:
        writer.write(b"hello")
    assert [(hop.call, hop.request, hop.reply.partition(", digest")[0]) for hop in call.hops("(stub)")][
        1:
    ] == [
        ("Write", "a stream", "a stream"),
        ("STAT", "WriteContentRequest(ref='ref', total=5)", "WriteContentResponse(total=5"),
        (
            "WRITE",
            "WriteContentRequest(action=1, data=5 bytes)",
            "WriteContentResponse(action=1, offset=5, total=5",
        ),
    ]


def test_an_error_is_told_on_every_floor(client: Client) -> None:
    with recording() as call, pytest.raises(NotFound):
        client.load_container("debian")
    text = 'container "debian" in namespace "recorded": not found'
    assert [hop.error for hop in call.hops("Container")] == [
        f"NotFound: {text}",
        f"NotFound: {text}",
        f"NOT_FOUND: {text}",
        f"NOT_FOUND: {text}",
        f"NOT_FOUND: {text}",
        f"NotFound: {text}",
    ]


def test_in_process_there_is_no_wire(daemon: Daemon) -> None:
    with Client(services=daemon.services()) as client, namespace("recorded"), recording() as call:
        client.containers()
    assert [hop.lane for hop in call.hops("Container")] == [
        lane for lane in LANES if lane not in ("ContainersClient (stub)", "ContainersServer")
    ]


def test_what_is_not_asked_for_is_left_out_with_what_led_to_it(client: Client) -> None:
    with recording() as call:
        client.new_container("debian", with_new_spec())
    assert "LeaseManager" in [hop.lane for hop in call.hops()]
    assert [hop.lane for hop in call.hops("Container")] == LANES


def test_recording_ends_with_its_block(client: Client) -> None:
    with recording() as call:
        pass
    client.containers()
    assert trace.recorder is None
    assert call.hops() == []
