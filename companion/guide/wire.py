"""The bytes of a call: what gRPC puts on the socket, taken down by a relay that stands in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer
from tempfile import TemporaryDirectory

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = 9
_KINDS = {0: "DATA", 1: "HEADERS"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a call. `sender` is "client" or "server", `kind` is "HEADERS" or "DATA"."""

    sender: str
    kind: str
    data: bytes


class Wire:
    """What passes between a server and the clients that connect to `address` in its place."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._connections: list[dict[str, bytearray]] = []

    def connection(self) -> dict[str, bytearray]:
        """Return a new connection: what was sent so far, by sender."""
        kept = {"client": bytearray(), "server": bytearray()}
        self._connections.append(kept)
        return kept

    def calls(self) -> list[list[Frame]]:
        """Return the frames of each call, in the order in which the calls began.

        Of one call, those of the client come first. Frames that belong to no call are left out.
        """
        calls: dict[tuple[int, int], list[Frame]] = {}
        for number, kept in enumerate(self._connections):
            for sender, raw in kept.items():
                for stream, frame in _frames(sender, bytes(raw)):
                    calls.setdefault((number, stream), []).append(frame)
        return [calls[key] for key in sorted(calls)]


@contextmanager
def tapped(address: str) -> Iterator[Wire]:
    """Stand between the server at `address` and clients that connect to the address of the `Wire`.

    Close the clients inside the block.
    """

    class Relay(BaseRequestHandler):
        def handle(self) -> None:
            kept = wire.connection()
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(address)
                back = threading.Thread(target=_pass_on, args=(server, self.request, kept["server"]))
                back.start()
                _pass_on(self.request, server, kept["client"])
                back.join()

    with TemporaryDirectory(prefix="companion-") as directory:
        wire = Wire(f"{directory}/tap")
        with ThreadingUnixStreamServer(wire.address, Relay) as relay:
            accepting = threading.Thread(target=relay.serve_forever, args=(0.05,))
            accepting.start()
            try:
                yield wire
            finally:
                relay.shutdown()
                accepting.join()


def _pass_on(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            kept += data
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _frames(sender: str, raw: bytes) -> Iterator[tuple[int, Frame]]:
    """Yield each frame that belongs to a call, with the number of its stream."""
    raw = raw.removeprefix(_PREFACE)
    while raw:
        end = _HEAD + int.from_bytes(raw[:3], "big")
        kind, stream = raw[3], int.from_bytes(raw[5:_HEAD], "big")
        if kind in _KINDS:
            yield stream, Frame(sender, _KINDS[kind], raw[_HEAD:end])
        raw = raw[end:]
