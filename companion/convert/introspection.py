"""What a daemon tells of itself, as records and messages. containerd: pluginsToPB."""

from __future__ import annotations

from google.rpc.status_pb2 import Status

from companion.api.services.introspection.v1 import introspection_pb2 as pb
from companion.api.types.platform_pb2 import Platform
from companion.core.introspection import InitError, PluginInfo, ServerInfo


def plugin_to_message(plugin: PluginInfo) -> pb.Plugin:
    """Return the message of a plugin."""
    error = plugin.init_error
    return pb.Plugin(
        type=plugin.type,
        id=plugin.id,
        requires=plugin.requires,
        platforms=map(_platform_to_message, plugin.platforms),
        exports=plugin.exports,
        capabilities=plugin.capabilities,
        init_err=Status(code=error.code, message=error.message) if error else None,
    )


def plugin_from_message(message: pb.Plugin) -> PluginInfo:
    """Return the plugin of a message."""
    error = message.init_err
    return PluginInfo(
        type=message.type,
        id=message.id,
        requires=tuple(message.requires),
        platforms=tuple(map(_platform_from_message, message.platforms)),
        exports=dict(message.exports),
        capabilities=tuple(message.capabilities),
        init_error=InitError(error.code, error.message) if message.HasField("init_err") else None,
    )


def server_to_message(server: ServerInfo) -> pb.ServerResponse:
    """Return the message of a daemon's identity."""
    return pb.ServerResponse(uuid=server.uuid, pid=server.pid, pidns=server.pidns)


def server_from_message(message: pb.ServerResponse) -> ServerInfo:
    """Return the identity of a message."""
    return ServerInfo(uuid=message.uuid, pid=message.pid, pidns=message.pidns)


def _platform_to_message(platform: str) -> Platform:
    os, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    return Platform(os=os, architecture=architecture, variant=variant)


def _platform_from_message(message: Platform) -> str:
    return "/".join(filter(None, (message.os, message.architecture, message.variant)))
