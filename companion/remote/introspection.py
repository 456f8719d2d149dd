"""The remote introspection service: asks a daemon about itself.

containerd: core/introspection/proxy/remote.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.empty_pb2 import Empty

from companion.api.services.introspection.v1 import introspection_pb2 as pb
from companion.clients import IntrospectionClient
from companion.convert import introspection as convert
from companion.core import introspection
from companion.core.errors import raising_classes
from companion.core.introspection import PluginInfo, ServerInfo
from companion.core.trace import traced


@traced("remote")
class RemoteIntrospectionService(introspection.Service):
    """A shell around a client interface. containerd: NewIntrospectionProxy."""

    def __init__(self, client: IntrospectionClient) -> None:
        self._client = client

    def plugins(self, *filters: str) -> Sequence[PluginInfo]:
        with raising_classes():
            response = self._client.Plugins(pb.PluginsRequest(filters=filters))
        return [convert.plugin_from_message(message) for message in response.plugins]

    def server(self) -> ServerInfo:
        with raising_classes():
            return convert.server_from_message(self._client.Server(Empty()))
