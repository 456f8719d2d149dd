"""Events over the wire: how a subscription ends, on both sides."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from queue import SimpleQueue

import grpc
import pytest

from companion.api.services.events.v1 import events_pb2 as pb
from companion.api.services.events.v1.events_pb2_grpc import EventsStub
from companion.api.types import event_pb2
from companion.backend.exchange import Exchange, Subscription
from companion.core.errors import Unknown
from companion.core.events import Envelope
from companion.core.typeurl import Any
from companion.remote.events import RemoteEventService
from companion.service.events import EventsServer
from tests.unit.service.conftest import Serve

ENVELOPE = Envelope(
    datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "test", "/some/topic", Any("any.Type", b"\0\xff")
)


class WatchedExchange(Exchange):
    """An exchange that hands the test every subscription that begins."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: SimpleQueue[Subscription] = SimpleQueue()

    def subscribe(self, *texts: str) -> Subscription:
        subscription = super().subscribe(*texts)
        self.begun.put(subscription)
        return subscription


@pytest.fixture
def exchange() -> WatchedExchange:
    return WatchedExchange()


def ends(subscription: Iterator[object]) -> bool:
    """Whether iteration comes to its end."""
    reader = threading.Thread(target=list, args=(subscription,), daemon=True)
    reader.start()
    reader.join(60)
    return not reader.is_alive()


def test_an_envelope_crosses_the_wire_unchanged(exchange: WatchedExchange, serve: Serve) -> None:
    events = RemoteEventService(EventsStub(serve(EventsServer(exchange))))
    subscription = events.subscribe()
    exchange.begun.get(timeout=60)
    events.forward(ENVELOPE)
    assert next(subscription) == ENVELOPE


def test_a_cancelled_subscription_ends_without_an_error(exchange: WatchedExchange, serve: Serve) -> None:
    subscription = RemoteEventService(EventsStub(serve(EventsServer(exchange)))).subscribe()
    subscription.cancel()
    assert list(subscription) == []


def test_cancelling_wakes_the_reader_that_waits(exchange: WatchedExchange, serve: Serve) -> None:
    subscription = RemoteEventService(EventsStub(serve(EventsServer(exchange)))).subscribe()
    exchange.begun.get(timeout=60)
    reader = threading.Thread(target=list, args=(subscription,), daemon=True)
    reader.start()
    subscription.cancel()
    reader.join(60)
    assert not reader.is_alive()


def test_a_refused_subscription_is_an_error(serve: Serve) -> None:
    subscription = RemoteEventService(EventsStub(serve(EventsServer(Exchange())))).subscribe("topic=x")
    with pytest.raises(Unknown, match="subscription error: failed parsing subscription filters: "):
        next(subscription)


def test_a_time_that_cannot_be_told_is_an_error_without_a_traceback(serve: Serve) -> None:
    stub = EventsStub(serve(EventsServer(Exchange())))
    envelope = event_pb2.Envelope(namespace="test", topic="/a")
    envelope.timestamp.seconds = 1 << 60
    with pytest.raises(grpc.RpcError) as caught:
        stub.Forward(pb.ForwardRequest(envelope=envelope))
    assert "Exception calling application" not in (caught.value.details() or "")


def test_the_daemon_forgets_a_subscriber_that_goes(exchange: WatchedExchange, serve: Serve) -> None:
    channel = serve(EventsServer(exchange))
    remote = RemoteEventService(EventsStub(channel)).subscribe()
    local = exchange.begun.get(timeout=60)
    channel.close()
    assert ends(local)
    del remote  # until here: a stream that nobody holds cancels itself


def test_the_daemon_forgets_a_subscriber_that_is_gone_already(
    exchange: WatchedExchange, serve: Serve
) -> None:
    class LateServer(EventsServer):
        """Comes to subscribe when the call is over."""

        def Subscribe(
            self, request: pb.SubscribeRequest, context: grpc.ServicerContext
        ) -> Iterator[event_pb2.Envelope]:
            over = threading.Event()
            context.add_callback(over.set)
            entered.set()
            over.wait(60)
            return super().Subscribe(request, context)

    entered = threading.Event()
    stream = RemoteEventService(EventsStub(serve(LateServer(exchange)))).subscribe()
    entered.wait(60)
    stream.cancel()
    assert ends(exchange.begun.get(timeout=60))
