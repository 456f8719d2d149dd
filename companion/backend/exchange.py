"""The event exchange: publishers on one side, subscribers with filters on the other.

containerd: core/events/exchange.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from queue import SimpleQueue

from companion.backend.event_fields import envelope_fields
from companion.core import filters, identifiers, namespaces
from companion.core.errors import Error, InvalidArgument, to_grpc
from companion.core.events import Envelope
from companion.core.filters import Adaptor, Filter
from companion.core.quote import quote
from companion.core.typeurl import Any
from companion.plugin import EVENT, InitContext, register


class Subscription:
    """What one subscriber has not read yet; it grows without bound, as containerd's does."""

    def __init__(self, wanted: Filter, leave: Callable[[Subscription], None]) -> None:
        self._wanted, self._leave = wanted, leave
        self._waiting: SimpleQueue[Envelope | None] = SimpleQueue()
        self._cancelled = False

    def offer(self, envelope: Envelope, fields: Adaptor) -> None:
        """Keep the event for the reader if the filters want it."""
        if self._wanted.match(fields):
            self._waiting.put(envelope)

    def __iter__(self) -> Iterator[Envelope]:
        return self

    def __next__(self) -> Envelope:
        envelope = self._waiting.get()
        if envelope is None or self._cancelled:
            self._waiting.put(None)
            raise StopIteration
        return envelope

    def cancel(self) -> None:
        """End the subscription before its next event; a reader that waits is woken."""
        self._cancelled = True
        self._leave(self)
        self._waiting.put(None)


class Exchange:
    """Hands every event to every subscription that wants it. containerd: exchange.Exchange."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()

    def publish(self, topic: str, event: Any | None) -> None:
        """Tell of an event now, in the namespace of the context.

        Raises `FailedPrecondition` without a namespace, `InvalidArgument` for a bad one and a bad topic.
        """
        try:
            namespace = namespaces.required()
        except Error as error:
            raise error.wrap("failed publishing event") from None
        _validate_topic(topic)
        self._offer(Envelope(datetime.now(UTC), namespace, topic, event))

    def forward(self, envelope: Envelope) -> None:
        """Tell of an event that happened elsewhere. Raises `InvalidArgument` for an incomplete envelope."""
        try:
            identifiers.validate(envelope.namespace)
        except InvalidArgument as error:
            raise error.wrap("event envelope has invalid namespace") from None
        _validate_topic(envelope.topic)
        if envelope.timestamp is None:
            raise InvalidArgument("timestamp must be set on forwarded event")
        self._offer(envelope)

    def subscribe(self, *texts: str) -> Subscription:
        """Return the events from now on that match any of the filters. Raises an UNKNOWN status."""
        try:
            wanted = filters.parse(*texts)
        except InvalidArgument as error:
            # containerd gives this error no class.
            text = f"subscription error: failed parsing subscription filters: {error}"
            raise to_grpc(Exception(text)) from None
        subscription = Subscription(wanted, self._leave)
        with self._lock:
            self._subscriptions.add(subscription)
        return subscription

    def close(self) -> None:
        """End every subscription."""
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription.cancel()

    def _offer(self, envelope: Envelope) -> None:
        fields = envelope_fields(envelope)
        # Under the lock all subscribers see all events in one order.
        with self._lock:
            for subscription in self._subscriptions:
                subscription.offer(envelope, fields)

    def _leave(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)


def _validate_topic(topic: str) -> None:
    refused = f"envelope topic {quote(topic)}"
    if not topic:
        raise InvalidArgument(f"{refused}: must not be empty")
    if not topic.startswith("/"):
        raise InvalidArgument(f"{refused}: must start with '/'")
    if topic == "/":
        raise InvalidArgument(f"{refused}: must have at least one component")
    for component in topic[1:].split("/"):
        try:
            identifiers.validate(component)
        except InvalidArgument as error:
            raise error.wrap(f"{refused}: failed validation on component {quote(component)}") from None


@register(type=EVENT, id="exchange")
def init(context: InitContext) -> Exchange:
    """The plugin `io.containerd.event.v1.exchange`."""
    return Exchange()
