"""An open subscription, read by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import grpc

from companion.api.types.event_pb2 import Envelope

AGAIN = 0.1
"""Seconds after which the first beacon is published once more."""


class Subscription:
    """A stream of events between two beacons.

    Nothing tells a client that its subscription is active, and nothing that there are no more events on
    the way: so events of a kind that nobody else sends are published until one is seen, and one at the end.
    `beacon` publishes an event with the topic that it is given.
    """

    def __init__(self, stream: Any, beacon: Callable[[str], None]) -> None:
        self._stream, self._beacon = stream, beacon
        self._seen: SimpleQueue[Envelope | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with suppress(grpc.RpcError):
            for envelope in self._stream:
                self._seen.put(envelope)
        self._seen.put(None)

    def wait_until_active(self) -> None:
        """Return when events arrive, or when the stream has ended."""
        while self._seen.empty():
            self._beacon("/start")
            with suppress(Empty):
                first = self._seen.get(timeout=AGAIN)
                self._seen.put(first)

    def close(self) -> tuple[Sequence[Envelope], str]:
        """End the stream; return the events that came before, and the code (OK: it was open until now)."""
        self._beacon("/end")
        envelopes = list(iter(self._next, None))
        self._stream.cancel()
        self._reader.join()
        code = self._stream.code()
        return envelopes, "OK" if code is grpc.StatusCode.CANCELLED else code.name

    def _next(self) -> Envelope | None:
        envelope = self._seen.get()
        return None if envelope is None or envelope.topic == "/end" else envelope
