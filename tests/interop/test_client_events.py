"""As test_client_on_containerd.py: events."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Thread, Timer

import pytest
from google.protobuf.message import Message

from companion.api.events import container_pb2, namespace_pb2, task_pb2
from companion.client import Client, namespace, with_image_name, with_new_spec
from companion.core.errors import InvalidArgument, Unknown
from companion.core.events import Envelope
from companion.core.namespaces import Namespace
from companion.core.typeurl import Any

BEACON = "beacon"
"""The namespace of the events that only tell how far a subscription has come."""

AGAIN = 0.1
"""Seconds after which a beacon is published once more."""

GUARD = 60.0
"""Seconds after which a subscription counts as hung."""


def packed(message: Message) -> Any:
    return Any(message.DESCRIPTOR.full_name, message.SerializeToString(deterministic=True))


def heard(client: Client, act: Callable[[], object], *filters: str) -> list[Envelope]:
    """The events that pass while something happens in the namespace of the client."""
    seen: SimpleQueue[Envelope] = SimpleQueue()
    subscription = client.subscribe(*filters, f"namespace=={BEACON}")

    def read() -> None:
        for envelope in subscription:
            seen.put(envelope)

    reader = Thread(target=read)
    reader.start()
    try:
        _until(client, "/begin", seen)
        act()
        return [envelope for envelope in _until(client, "/end", seen) if envelope.namespace != BEACON]
    finally:
        subscription.cancel()
        reader.join()


def _until(client: Client, topic: str, seen: SimpleQueue[Envelope]) -> list[Envelope]:
    """All that is seen until an event of this topic, published as often as it takes, is seen."""
    envelopes: list[Envelope] = []
    deadline = time.monotonic() + GUARD
    while time.monotonic() < deadline:
        with namespace(BEACON):
            client.event_service.publish(topic, packed(task_pb2.TaskOOM()))
        with suppress(Empty):
            while (envelope := seen.get(timeout=AGAIN)).topic != topic:
                envelopes.append(envelope)
            return envelopes
    raise TimeoutError(f"no event in {GUARD:.0f} s")


def own(client: Client) -> str:
    return f"namespace=={client.namespace}"


def told(client: Client, topic: str, message: Message) -> Envelope:
    """An event of the client's namespace, without its time."""
    return Envelope(None, client.namespace, topic, packed(message))


def test_events_tell_of_containers(client: Client) -> None:
    def act() -> None:
        container = client.new_container("debian", with_new_spec(), with_image_name("img"))
        container.set_labels({"a": "1"})
        container.delete()

    assert [replace(event, timestamp=None) for event in heard(client, act, own(client))] == [
        told(
            client,
            "/containers/create",
            container_pb2.ContainerCreate(
                id="debian",
                image="img",
                runtime=container_pb2.ContainerCreate.Runtime(name="io.containerd.runc.v2"),
            ),
        ),
        told(
            client,
            "/containers/update",
            container_pb2.ContainerUpdate(id="debian", image="img", labels={"a": "1"}),
        ),
        told(client, "/containers/delete", container_pb2.ContainerDelete(id="debian")),
    ]


def test_events_tell_of_namespaces(client: Client) -> None:
    name = client.namespace

    def act() -> None:
        client.namespace_service.create(Namespace(name, {"a": "1"}))
        client.namespace_service.update(Namespace(name, {"b": "2"}), "labels.b")
        client.namespace_service.delete(name)

    assert [replace(event, timestamp=None) for event in heard(client, act, own(client))] == [
        told(client, "/namespaces/create", namespace_pb2.NamespaceCreate(name=name, labels={"a": "1"})),
        told(client, "/namespaces/update", namespace_pb2.NamespaceUpdate(name=name, labels={"b": "2"})),
        told(client, "/namespaces/delete", namespace_pb2.NamespaceDelete(name=name)),
    ]


def test_an_event_tells_when(client: Client) -> None:
    before = datetime.now(UTC)
    [event] = heard(client, lambda: client.new_container("debian", with_new_spec()), own(client))
    assert event.timestamp is not None
    assert before <= event.timestamp <= datetime.now(UTC)


def test_a_subscription_may_be_of_one_topic(client: Client) -> None:
    events = heard(
        client,
        lambda: client.new_container("debian", with_new_spec()).delete(),
        f'{own(client)},topic=="/containers/delete"',
    )
    assert [event.topic for event in events] == ["/containers/delete"]


def test_what_a_program_publishes_is_passed_on(client: Client) -> None:
    event = packed(task_pb2.TaskExit(container_id="debian", pid=42, exit_status=137))
    [seen] = heard(client, lambda: client.event_service.publish("/tasks/exit", event), own(client))
    assert (seen.namespace, seen.topic, seen.event) == (client.namespace, "/tasks/exit", event)


def test_what_happened_elsewhere_is_passed_on_as_it_is(client: Client) -> None:
    envelope = Envelope(
        datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        client.namespace,
        "/tasks/oom",
        packed(task_pb2.TaskOOM(container_id="debian")),
    )
    assert heard(client, lambda: client.event_service.forward(envelope), own(client)) == [envelope]


def test_a_topic_must_be_one(client: Client) -> None:
    with pytest.raises(InvalidArgument) as caught:
        client.event_service.publish("tasks", packed(task_pb2.TaskOOM()))
    assert str(caught.value) == "envelope topic \"tasks\": must start with '/': invalid argument"


def test_a_filter_must_parse(client: Client) -> None:
    with pytest.raises(Unknown) as caught:
        next(iter(client.subscribe("topic=a")))
    assert str(caught.value) == (
        "subscription error: failed parsing subscription filters: filters: parse error: [topic >|=|< a]:"
        ' unsupported operator "=": invalid argument: unknown'
    )


@pytest.mark.parametrize("how", ["the subscription", "the client"])
def test_a_subscription_ends_with(how: str, client: Client) -> None:
    subscription = client.subscribe(own(client))
    end = Timer(AGAIN, subscription.cancel if how == "the subscription" else client.close)
    end.start()
    assert list(subscription) == []
    end.join()
