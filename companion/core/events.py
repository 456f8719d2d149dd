"""Events: what the daemon tells whoever listens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from companion.core.typeurl import Any


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event with when (UTC), where and about what it happened. containerd: events.Envelope."""

    timestamp: datetime | None
    namespace: str
    topic: str
    event: Any | None


class Publisher(Protocol):
    """Who can be told of an event. containerd: events.Publisher."""

    def publish(self, topic: str, event: Any | None) -> None:
        """Tell all subscribers, in the namespace of the context. Raises `InvalidArgument` for a bad topic."""
        ...


class Subscription(Protocol):
    """The events from one moment on; iteration waits for the next and ends after `cancel()`."""

    def __iter__(self) -> Iterator[Envelope]: ...
    def __next__(self) -> Envelope: ...
    def cancel(self) -> None: ...


class EventService(Publisher, Protocol):
    """Both sides of events: publishers and subscribers. containerd: client.EventService."""

    def forward(self, envelope: Envelope) -> None:
        """Tell of an event that happened elsewhere. Raises `InvalidArgument` for an incomplete envelope."""
        ...

    def subscribe(self, *filters: str) -> Subscription:
        """Return the events from now on that match any of the filters, of all namespaces."""
        ...
