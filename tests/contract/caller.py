"""Makes the calls of a case against a daemon, and tells how they ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

import grpc
from google.protobuf import text_format
from google.protobuf.message import Message

from tests.contract import shape, times
from tests.contract.case import Answer, Call, Case
from tests.contract.methods import method

LIMIT = 32 << 20
"""Bytes of a message that the client lets through: more than a daemon does."""

BEACON = "/beacon/{}"
"""The topic of events by which a subscriber learns that the subscription is active, or at its end."""


class Refused(Exception):
    """A call of a set-up that should have succeeded."""


class Caller:
    """A client that knows no more than the wire. A context manager: it keeps a connection."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(
            f"unix:{address}",
            options=[("grpc.max_receive_message_length", LIMIT), ("grpc.max_send_message_length", LIMIT)],
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._channel.close()

    def answer(self, case: Case) -> Answer:
        """Make the calls of a case; return the answer to the last one.

        A daemon that lacks the service of a call before it answers with that. Raises `Refused` when
        another call before it fails.
        """
        before: list[Message] = []
        for call in case.given:
            before, error = self._replies(call)
            if error is not None and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return _failed(error)
            if (error is not None) != call.fails:
                raise Refused(f"{call}: {error}")
        if case.answer.events or case.meanwhile:
            return self._events(case)
        replies, error = self._replies(case.call)
        held = times.holding(case.answer.times, before, replies)
        texts = [shape.comparable(reply, case) for reply in replies]
        return Answer(replies=texts, times=held) if error is None else _failed(error, texts)

    def _replies(self, call: Call) -> tuple[list[Message], grpc.RpcError | None]:
        replies: list[Message] = []
        try:
            replies.extend(self._start(call))
        except grpc.RpcError as error:
            return replies, error
        return replies, None
