"""Makes the calls of a case against a daemon, and tells how they ended."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import Any, Self
from uuid import uuid4

import grpc
from google.protobuf import text_format
from google.protobuf.message import Message

from tests.contract import directories, layers, shape, sights, times
from tests.contract.case import Answer, Call, Case
from tests.contract.methods import method
from tests.contract.subscription import Subscription

LIMIT = 32 << 20
"""Bytes of a message that this client lets through: more than a daemon does."""

GUARD = 60.0
"""Seconds after which a call counts as hung."""


class Pause:
    """A pause in a stream of requests, after the first `after` of them, that ends with the block."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._over = threading.Event()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def within(self, requests: Sequence[bytes]) -> Iterator[bytes]:
        """Return the requests with the pause among them."""
        yield from requests[: self._after]
        self._over.wait(GUARD)
        yield from requests[self._after :]


class Caller:
    """A client that knows no more than the wire. A context manager: it holds a connection."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(
            f"unix:{address}",
            options=[("grpc.max_receive_message_length", LIMIT), ("grpc.max_send_message_length", LIMIT)],
        )

        self._snapshots: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def answer(self, case: Case) -> Answer:
        """Make the calls of a case; return the answer to the last one.

        A daemon that lacks the service of a call before it answers with that. Raises RuntimeError when
        another call before it does not end as it should.
        """
        self._snapshots.clear()
        with ExitStack() as open_streams:
            before: list[Message] = []
            seen: list[Message] = []
            for call in case.given:
                if call.hold:
                    open_streams.enter_context(self._holding(call))
                    continue
                before, code, message = self._call(call)
                if code == "UNIMPLEMENTED":
                    return Answer(code, message)
                if (code != "OK") != call.fails:
                    raise RuntimeError(f"{call}: {code} {message}")
                seen.extend(before)
            if case.meanwhile and isinstance(case.call.request, str):
                return self._events(case)
            replies, code, message = self._call(case.call, case.meanwhile)
        held = times.holding(case.answer.times, before, replies)
        tree = self._tree(case, replies) if code == "OK" and case.look else ()
        message = directories.hide([*seen, *replies], message)
        compared = tuple(shape.comparable(reply, case) for reply in replies)
        return Answer(code, message, compared, times=held, tree=tree)

    def _tree(self, case: Case, replies: Sequence[Any]) -> tuple[str, ...]:
        """Return what there is to see: in a snapshot, or in the layer that the reply tells of."""
        if case.look != "reply":
            return tuple(sights.seen(self._snapshots[case.look]))
        request = f'digest: "{replies[0].diff.digest}"'
        parts, _, _ = self._call(Call("Content.Read", case.call.namespace, request))
        return tuple(layers.listed(b"".join(part.data for part in parts)))  # type: ignore[attr-defined]

    @contextmanager
    def _holding(self, call: Call) -> Iterator[None]:
        """Keep a stream open, with all of its requests answered."""
        pause = Pause(len(call.requests))
        stream = self._start(call, pause)
        with pause:
            deque(islice(stream, len(call.requests)))
            yield
        deque(stream)

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

    def _call(self, call: Call, meanwhile: Sequence[Call] = ()) -> tuple[list[Message], str, str]:
        """Make a call, and others after its first request; return its replies, code and text."""
        pause = Pause(1 if meanwhile else len(call.requests))
        stream = self._start(call, pause)
        if call.open:
            threading.Timer(call.open, stream.cancel).start()
        replies: list[Message] = []
        with suppress(grpc.RpcError):
            with pause:
                if meanwhile:
                    replies.extend(islice(stream, 1))
                for other in meanwhile:
                    self._call(other)
            replies.extend(stream)
        sights.remember(self._snapshots, call, replies)
        if call.open and stream.code() is grpc.StatusCode.CANCELLED:
            return replies, "OPEN", ""
        return replies, stream.code().name, stream.details()

    def _start(self, call: Call, pause: Pause | None = None) -> Any:
        # On the wire a single message is a stream of one, so one form of call does for all.
        called = method(call.call)
        multicallable: Any = self._channel.stream_stream(
            called.path, request_serializer=None, response_deserializer=called.reply.FromString
        )
        if call.bytes is not None:
            sent = [bytes.fromhex(call.bytes)]
        else:
            texts = [sights.with_mounts(self._snapshots, text) for text in call.requests]
            sent = [text_format.Parse(text, called.request()).SerializeToString() for text in texts]
        requests = iter(sent) if pause is None else pause.within(sent)
        return multicallable(requests, metadata=call.metadata, timeout=GUARD)
