"""The version of a remote daemon: too little for a store. containerd: Client.Version."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from companion.clients import VersionClient
from companion.core.errors import raising_classes
from companion.core.version import Version


def remote_version(client: VersionClient) -> Version:
    """Return the version of the daemon behind a client interface."""
    with raising_classes():
        response = client.Version(Empty())
    return Version(response.version, response.revision)
