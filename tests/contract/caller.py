"""Makes the calls of a case against a daemon, and tells how they ended."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self
from uuid import uuid4

import grpc
from google.protobuf import text_format
from google.protobuf.message import Message

from tests.contract import shape, times
from tests.contract.case import Answer, Call, Case
from tests.contract.methods import method
from tests.contract.subscription import Subscription

LIMIT = 32 << 20
"""Bytes of a message that this client lets through: more than a daemon does."""

GUARD = 60.0
"""Seconds after which a call counts as hung."""


class Caller:
    """A client that knows no more than the wire. A context manager: it holds a connection."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(
            f"unix:{address}",
            options=[("grpc.max_receive_message_length", LIMIT), ("grpc.max_send_message_length", LIMIT)],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def answer(self, case: Case) -> Answer:
        """Make the calls of a case; return the answer to the last one.

        A daemon that lacks the service of a call before it answers with that. Raises RuntimeError when
        another call before it does not end as it should.
        """
        before: list[Message] = []
        for call in case.given:
            before, code, message = self._call(call)
            if code == "UNIMPLEMENTED":
                return Answer(code, message)
            if (code != "OK") != call.fails:
                raise RuntimeError(f"{call}: {code} {message}")
        if case.meanwhile:
            return self._events(case)
        replies, code, message = self._call(case.call)
        held = times.holding(case.answer.times, before, replies)
        return Answer(code, message, tuple(shape.comparable(reply, case) for reply in replies), times=held)

    def _events(self, case: Case) -> Answer:
        beacon = uuid4().hex
        filters = f' filters: "namespace=={beacon}"' if case.call.request else ""
        subscription = Subscription(
            self._start(replace(case.call, request=f"{case.call.request}{filters}")),
            lambda topic: self._publish(beacon, topic),
        )
        subscription.wait_until_active()
        for call in case.meanwhile:
            self._call(call)
        envelopes, code = subscription.close()
        events = (shape.event_text(envelope) for envelope in envelopes if envelope.namespace != beacon)
        return Answer(code, events=tuple(event for event in events if case.only in event))

    def _publish(self, namespace: str, topic: str) -> None:
        self._call(Call("Events.Publish", namespace, f'topic: "{topic}" event {{}}'))

    def _call(self, call: Call) -> tuple[list[Message], str, str]:
        """Make a call; return its replies, code and text."""
        stream = self._start(call)
        if call.open:
            threading.Timer(call.open, stream.cancel).start()
        replies: list[Message] = []
        with suppress(grpc.RpcError):
            replies.extend(stream)
        if call.open and stream.code() is grpc.StatusCode.CANCELLED:
            return replies, "OPEN", ""
        return replies, stream.code().name, stream.details()

    def _start(self, call: Call) -> Any:
        # On the wire a single message is a stream of one, so one form of call does for all.
        called = method(call.call)
        multicallable: Any = self._channel.stream_stream(
            called.path, request_serializer=None, response_deserializer=called.reply.FromString
        )
        if call.bytes is not None:
            sent = [bytes.fromhex(call.bytes)]
        else:
            sent = [text_format.Parse(text, called.request()).SerializeToString() for text in call.requests]
        return multicallable(iter(sent), metadata=call.metadata, timeout=GUARD)
