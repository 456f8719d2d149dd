"""The exchange: who hears of which event, and what is refused."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from companion.api.events import container_pb2, task_pb2
from companion.backend.exchange import Exchange
from companion.core.errors import Error, FailedPrecondition, InvalidArgument, StatusError
from companion.core.events import Envelope
from companion.core.identifiers import PATTERN
from companion.core.namespaces import namespace
from companion.core.typeurl import Any

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LAST = Envelope(NOW, "last", "/last", None)
TOO_LONG = "a" * 77


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    exchange = Exchange()
    yield exchange
    exchange.close()


def about(message: Message) -> Envelope:
    """An event in the namespace `test` with the topic `/some/topic`."""
    event = Any(message.DESCRIPTOR.full_name, message.SerializeToString())
    return Envelope(NOW, "test", "/some/topic", event)


CREATED = about(
    container_pb2.ContainerCreate(id="c1", runtime=container_pb2.ContainerCreate.Runtime(name="runc"))
)
LABELLED = about(container_pb2.ContainerUpdate(id="c1", labels={"a.b/c": "x", "empty": ""}))
EXITED = about(task_pb2.TaskExit(container_id="c1", pid=7, exited_at=Timestamp(seconds=9)))
UNKNOWN_TYPE = replace(CREATED, event=Any("example.Created", b"\n\2c1"))
GARBLED = replace(CREATED, event=Any("containerd.events.ContainerCreate", b"\xff"))
BARE = replace(CREATED, event=None)


@pytest.mark.parametrize(
    ("filters", "envelope"),
    [
        ([], BARE),
        (["namespace==test"], CREATED),
        (['topic=="/some/topic"'], CREATED),
        (['topic~="^/some/"'], CREATED),
        (["event.id==c1"], CREATED),
        (["event.runtime.name==runc"], CREATED),
        (['event.labels."a.b/c"==x'], LABELLED),
        (["event.labels.empty"], LABELLED),
        (["event.container_id==c1"], EXITED),
        (["namespace==test,event.id==c1"], CREATED),
        (['topic=="/other"', "event.id==c1"], CREATED),
    ],
)
def test_a_subscriber_hears_of_what_a_filter_matches(
    exchange: Exchange, filters: list[str], envelope: Envelope
) -> None:
    subscription = exchange.subscribe(*filters)
    exchange.forward(envelope)
    exchange.forward(LAST)
    assert next(subscription) == envelope


@pytest.mark.parametrize(
    ("wanted", "envelope"),
    [
        ("namespace==other", CREATED),
        ('namespace==test,topic=="/other"', CREATED),
        ("event.id==c2", CREATED),
        ("event.image", CREATED),
        ("event.labels.nosuch", LABELLED),
        ("event.labels", LABELLED),
        ("event.pid==7", EXITED),
        ("event.exited_at", EXITED),
        ("event.nosuch", CREATED),
        ("event", CREATED),
        ("event.id==c1", UNKNOWN_TYPE),
        ("event.id==c1", GARBLED),
        ("event.id==c1", BARE),
        ("timestamp", CREATED),
    ],
)
def test_a_subscriber_hears_nothing_of_what_no_filter_matches(
    exchange: Exchange, wanted: str, envelope: Envelope
) -> None:
    subscription = exchange.subscribe(wanted, 'topic=="/last"')
    exchange.forward(envelope)
    exchange.forward(LAST)
    assert next(subscription) == LAST


def test_published_events_carry_the_namespace_and_the_time(exchange: Exchange) -> None:
    subscription = exchange.subscribe()
    before = datetime.now(UTC)
    with namespace("builder"):
        exchange.publish("/a/b", None)
    heard = next(subscription)
    assert heard == Envelope(heard.timestamp, "builder", "/a/b", None)
    assert heard.timestamp is not None
    assert before <= heard.timestamp <= datetime.now(UTC)


def test_all_subscribers_hear_the_events_in_one_order(exchange: Exchange) -> None:
    subscriptions = [exchange.subscribe() for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        for number in range(200):
            pool.submit(exchange.forward, replace(BARE, topic=f"/{number}"))
    first, *others = [list(islice(subscription, 200)) for subscription in subscriptions]
    assert all(heard == first for heard in others)


def test_cancelling_wakes_the_reader_that_waits(exchange: Exchange) -> None:
    subscription = exchange.subscribe()
    reader = threading.Thread(target=list, args=(subscription,), daemon=True)
    reader.start()
    subscription.cancel()
    reader.join(60)
    assert not reader.is_alive()


def test_a_cancelled_subscription_gives_no_more_events(exchange: Exchange) -> None:
    subscription = exchange.subscribe()
    exchange.forward(CREATED)
    subscription.cancel()
    assert list(subscription) == []


def test_the_exchange_lets_go_of_a_cancelled_subscription(exchange: Exchange) -> None:
    subscription = exchange.subscribe()
    gone = weakref.ref(subscription)
    subscription.cancel()
    del subscription
    gc.collect()
    assert gone() is None


def test_closing_ends_every_subscription(exchange: Exchange) -> None:
    subscriptions = [exchange.subscribe() for _ in range(2)]
    exchange.close()
    assert [list(subscription) for subscription in subscriptions] == [[], []]


def test_a_filter_that_cannot_be_parsed_is_an_error_without_a_class(exchange: Exchange) -> None:
    with pytest.raises(StatusError) as caught:
        exchange.subscribe("topic=x")
    assert str(caught.value) == (
        "UNKNOWN: subscription error: failed parsing subscription filters: "
        'filters: parse error: [topic >|=|< x]: unsupported operator "=": invalid argument'
    )


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", "must not be empty"),
        ("a", "must start with '/'"),
        ("/", "must have at least one component"),
        ("/a/", 'failed validation on component "": identifier must not be empty'),
        ("//a", 'failed validation on component "": identifier must not be empty'),
        ("/a b", f'failed validation on component "a b": identifier "a b" must match {PATTERN}'),
        (
            f"/{TOO_LONG}",
            f'failed validation on component "{TOO_LONG}": '
            f'identifier "{TOO_LONG}" greater than maximum length (76 characters)',
        ),
    ],
)
@pytest.mark.parametrize("tell", ["publish", "forward"])
def test_a_bad_topic_is_refused(exchange: Exchange, tell: str, topic: str, reason: str) -> None:
    def act() -> None:
        exchange.publish(topic, None) if tell == "publish" else exchange.forward(replace(BARE, topic=topic))

    with namespace("test"):
        assert refusal(act, InvalidArgument) == f'envelope topic "{topic}": {reason}: invalid argument'


@pytest.mark.parametrize(
    ("envelope", "text"),
    [
        (
            replace(BARE, namespace=""),
            "event envelope has invalid namespace: identifier must not be empty: invalid argument",
        ),
        (replace(BARE, timestamp=None), "timestamp must be set on forwarded event: invalid argument"),
    ],
)
def test_an_incomplete_envelope_is_refused(exchange: Exchange, envelope: Envelope, text: str) -> None:
    assert refusal(lambda: exchange.forward(envelope), InvalidArgument) == text


def test_publishing_needs_a_namespace(exchange: Exchange) -> None:
    text = refusal(lambda: exchange.publish("/a", None), FailedPrecondition)
    assert text == "failed publishing event: namespace is required: failed precondition"


def refusal(act: Callable[[], None], error: type[Error]) -> str:
    """The text of the error that `act` raises."""
    with pytest.raises(error) as caught:
        act()
    return str(caught.value)
