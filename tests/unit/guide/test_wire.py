"""The relay that takes down what gRPC puts on a socket."""

from __future__ import annotations

import socket
from typing import Any

import grpc
import pytest

from companion.guide.served import serving
from companion.guide.wire import Frame, tapped

LARGE = b"a" * 1_000_000


class Echo:
    """A service whose one method answers with its request."""

    def register(self, server: Any) -> None:
        say: Any = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Echo", {"Say": say})])


def say(address: str, *messages: bytes) -> None:
    with grpc.insecure_channel(f"unix:{address}") as channel:
        for message in messages:
            assert _call(channel, "Say", message) == message


def _call(channel: grpc.Channel, method: str, message: bytes) -> Any:
    call: Any = channel.unary_unary(f"/test.Echo/{method}")
    return call(message)


def test_a_call_is_the_frames_of_the_client_and_then_those_of_the_server() -> None:
    with serving(Echo()) as address, tapped(address) as wire:
        say(wire.address, b"hello")
    [call] = wire.calls()
    assert [(frame.sender, frame.kind) for frame in call] == [
        ("client", "HEADERS"),
        ("client", "DATA"),
        ("server", "HEADERS"),
        ("server", "DATA"),
        ("server", "HEADERS"),
    ]
    assert call[1] == Frame("client", "DATA", b"\0\0\0\0\5hello")


def test_calls_stand_in_the_order_in_which_they_began_on_all_connections() -> None:
    with serving(Echo()) as address, tapped(address) as wire:
        say(wire.address, b"one", b"two")
        say(wire.address, b"three")
    assert [call[1].data[5:] for call in wire.calls()] == [b"one", b"two", b"three"]


def test_a_large_message_passes_whole() -> None:
    with serving(Echo()) as address, tapped(address) as wire:
        say(wire.address, LARGE)
    [call] = wire.calls()
    answer = b"".join(frame.data for frame in call if (frame.sender, frame.kind) == ("server", "DATA"))
    assert answer[5:] == LARGE


def test_an_error_is_headers_alone_with_its_text() -> None:
    with (
        serving(Echo()) as address,
        tapped(address) as wire,
        grpc.insecure_channel(f"unix:{wire.address}") as channel,
        pytest.raises(grpc.RpcError, match="Method not found!"),
    ):
        _call(channel, "Shout", b"hello")
    [call] = wire.calls()
    [answer] = [frame for frame in call if frame.sender == "server"]
    assert answer.kind == "HEADERS"
    assert b"Method not found!" in answer.data


def test_a_connection_that_says_nothing_is_no_call() -> None:
    with serving(Echo()) as address, tapped(address) as wire, socket.socket(socket.AF_UNIX) as probe:
        probe.connect(wire.address)
    assert wire.calls() == []
