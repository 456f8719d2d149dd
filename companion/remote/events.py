"""The remote event service: publishing and subscribing through a daemon. containerd: client/events.go."""

from __future__ import annotations

from collections.abc import Iterator

from companion.api.services.events.v1 import events_pb2 as pb
from companion.api.types.event_pb2 import Envelope as EnvelopeMessage
from companion.clients import EventsClient, Stream
from companion.convert import events as convert
from companion.convert import typeurl
from companion.core.errors import Cancelled, raising_classes
from companion.core.events import Envelope, EventService, Subscription
from companion.core.trace import traced
from companion.core.typeurl import Any


class RemoteSubscription:
    """A stream of messages, as envelopes. It may be cancelled from another thread than the one that reads."""

    def __init__(self, stream: Stream[EnvelopeMessage]) -> None:
        self._stream = stream
        self._cancelled = False

    def __iter__(self) -> Iterator[Envelope]:
        return self

    def __next__(self) -> Envelope:
        """Wait for the next event. Raises `Unavailable` or `Cancelled` when the daemon goes away."""
        try:
            with raising_classes():
                return convert.from_message(next(self._stream))
        except Cancelled:
            if self._cancelled:
                raise StopIteration from None
            raise

    def cancel(self) -> None:
        """End the subscription; a reader that waits is woken."""
        self._cancelled = True
        self._stream.cancel()


@traced("remote")
class RemoteEventService(EventService):
    """A shell around a client interface. containerd: NewEventServiceFromClient."""

    def __init__(self, client: EventsClient) -> None:
        self._client = client

    def publish(self, topic: str, event: Any | None) -> None:
        request = pb.PublishRequest(topic=topic)
        if event is not None:
            request.event.CopyFrom(typeurl.to_message(event))
        with raising_classes():
            self._client.Publish(request)

    def forward(self, envelope: Envelope) -> None:
        with raising_classes():
            self._client.Forward(pb.ForwardRequest(envelope=convert.to_message(envelope)))

    def subscribe(self, *filters: str) -> Subscription:
        with raising_classes():
            return RemoteSubscription(self._client.Subscribe(pb.SubscribeRequest(filters=filters)))
