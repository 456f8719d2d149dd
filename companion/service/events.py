"""The plugin `events`: the gRPC service Events. containerd: plugins/services/events/service.go.

There is no local plugin between this service and the exchange, so it converts by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.events.v1 import events_pb2 as pb
from companion.api.services.events.v1 import events_pb2_grpc as rpc
from companion.api.types.event_pb2 import Envelope
from companion.convert import events as convert
from companion.convert import typeurl
from companion.core.errors import raising_grpc
from companion.core.events import EventService
from companion.core.trace import traced
from companion.plugin import EVENT, GRPC, InitContext, register
from companion.service.status import answering, cut_at_end


@traced("service")
class EventsServer(rpc.EventsServicer):
    """Passes every call to the exchange and turns its error into the call's status."""

    def __init__(self, events: EventService) -> None:
        self._events = events

    def Publish(self, request: pb.PublishRequest, context: grpc.ServicerContext) -> Empty:
        event = typeurl.from_message(request.event) if request.HasField("event") else None
        with answering(context), raising_grpc():
            self._events.publish(request.topic, event)
        return Empty()

    def Forward(self, request: pb.ForwardRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context), raising_grpc():
            self._events.forward(convert.from_message(request.envelope))
        return Empty()

    def Subscribe(self, request: pb.SubscribeRequest, context: grpc.ServicerContext) -> Iterator[Envelope]:
        with answering(context), raising_grpc():
            subscription = self._events.subscribe(*request.filters)
        cut_at_end(context, subscription.cancel)
        return map(convert.to_message, subscription)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_EventsServicer_to_server(self, server)


@register(type=GRPC, id="events", requires=(EVENT,))
def init(context: InitContext) -> EventsServer:
    """The plugin `io.containerd.grpc.v1.events`."""
    return EventsServer(context.plugins.by_id(EVENT, "exchange"))
