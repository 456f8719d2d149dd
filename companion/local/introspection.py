"""The plugin `introspection-service`: tells of the daemon's own plugins, and which daemon it is.

containerd: plugins/services/introspection/local.go.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from grpc import StatusCode

from companion.api.services.introspection.v1 import introspection_pb2 as pb
from companion.clients import IntrospectionClient
from companion.convert import introspection as convert
from companion.core.errors import StatusError, raising_grpc, to_grpc
from companion.core.filters import Filter, parse_request
from companion.core.introspection import InitError, PluginInfo, ServerInfo
from companion.core.trace import traced
from companion.local.server_uuid import server_uuid
from companion.plugin import GRPC, SERVICE, InitContext, Plugin, PluginSet, register

PID_NAMESPACE = Path("/proc/self/ns/pid")


@traced("local")
class LocalIntrospectionClient(IntrospectionClient):
    """The body of the introspection service, behind the interface that its stub has too.

    `plugins` is the live set: what starts later is told too. `uuid_file` keeps the daemon's identity.
    """

    def __init__(self, plugins: PluginSet, uuid_file: Path) -> None:
        self._plugins, self._uuid_file = plugins, uuid_file

    def Plugins(self, request: pb.PluginsRequest, /) -> pb.PluginsResponse:
        with raising_grpc():
            wanted = parse_request(request.filters)
        infos = map(_info, self._plugins)
        return pb.PluginsResponse(
            plugins=[convert.plugin_to_message(info) for info in infos if _matches(wanted, info)]
        )

    def Server(self, request: Empty, /) -> pb.ServerResponse:
        with raising_grpc():
            uuid = server_uuid(self._uuid_file)
        return convert.server_to_message(ServerInfo(uuid, os.getpid(), _pid_namespace()))

    def PluginInfo(self, request: pb.PluginInfoRequest, /) -> pb.PluginInfoResponse:
        service = pb.DESCRIPTOR.services_by_name["Introspection"].full_name
        raise StatusError(StatusCode.UNIMPLEMENTED, f"unknown method PluginInfo for service {service}")


def _matches(wanted: Filter, info: PluginInfo) -> bool:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["type", *_]:
                return info.type
            case ["id", *_]:
                return info.id
        return None

    return wanted.match(field)


def _info(plugin: Plugin) -> PluginInfo:
    return PluginInfo(
        type=plugin.registration.type,
        id=plugin.registration.id,
        requires=plugin.registration.requires,
        platforms=tuple(plugin.meta.platforms),
        exports=plugin.meta.exports,
        capabilities=tuple(plugin.meta.capabilities),
        init_error=_init_error(plugin.error) if plugin.error is not None else None,
    )


def _init_error(error: Exception) -> InitError:
    status = to_grpc(error)
    return InitError(status.code().value[0], status.details() or "")


def _pid_namespace() -> int:
    """Return the inode of this process's PID namespace; 0 where there is no such thing."""
    return PID_NAMESPACE.stat().st_ino if PID_NAMESPACE.exists() else 0


@register(type=SERVICE, id="introspection-service")
def init(context: InitContext) -> LocalIntrospectionClient:
    """The plugin `io.containerd.service.v1.introspection-service`."""
    # containerd keeps the identity in the directory of the gRPC plugin, beside this one's.
    uuid_file = context.root.with_name(f"{GRPC}.introspection") / "uuid"
    return LocalIntrospectionClient(context.plugins, uuid_file)
