"""The methods that cases call, by the short name `Service.Method`."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from companion.api.services.containers.v1 import containers_pb2
from companion.api.services.content.v1 import content_pb2
from companion.api.services.diff.v1 import diff_pb2
from companion.api.services.events.v1 import events_pb2
from companion.api.services.images.v1 import images_pb2
from companion.api.services.introspection.v1 import introspection_pb2
from companion.api.services.leases.v1 import leases_pb2
from companion.api.services.namespaces.v1 import namespace_pb2
from companion.api.services.snapshots.v1 import snapshots_pb2
from companion.api.services.tasks.v1 import tasks_pb2
from companion.api.services.version.v1 import version_pb2

SERVICES = {
    service.name: service
    for module in (
        containers_pb2,
        content_pb2,
        diff_pb2,
        events_pb2,
        health_pb2,
        images_pb2,
        introspection_pb2,
        leases_pb2,
        namespace_pb2,
        snapshots_pb2,
        tasks_pb2,
        version_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
}


@dataclass(frozen=True)
class Method:
    """A method: its path on the wire and its messages."""

    path: str
    request: type[Message]
    reply: type[Message]


def method(call: str) -> Method:
    """Return the method that a case names: `Service.Method`, or the path of one that nobody knows."""
    if call.startswith("/"):
        return Method(call, Empty, Empty)
    service_name, _, method_name = call.partition(".")
    service = SERVICES[service_name]
    found = service.methods_by_name[method_name]
    return Method(
        path=f"/{service.full_name}/{method_name}",
        request=GetMessageClass(found.input_type),
        reply=GetMessageClass(found.output_type),
    )
