"""What a client is connected to: services, each behind its remote store. containerd: client/services.go."""

from __future__ import annotations

import threading
import warnings
from typing import Self, TypeVar

import grpc
from grpc_health.v1.health_pb2_grpc import HealthStub

from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.api.services.content.v1.content_pb2_grpc import ContentStub
from companion.api.services.diff.v1.diff_pb2_grpc import DiffStub
from companion.api.services.events.v1.events_pb2_grpc import EventsStub
from companion.api.services.images.v1.images_pb2_grpc import ImagesStub
from companion.api.services.introspection.v1.introspection_pb2_grpc import IntrospectionStub
from companion.api.services.leases.v1.leases_pb2_grpc import LeasesStub
from companion.api.services.namespaces.v1.namespace_pb2_grpc import NamespacesStub
from companion.api.services.snapshots.v1.snapshots_pb2_grpc import SnapshotsStub
from companion.api.services.tasks.v1.tasks_pb2_grpc import TasksStub
from companion.api.services.version.v1.version_pb2_grpc import VersionStub
from companion.client.connection import dial
from companion.client.in_namespace import in_namespace
from companion.clients import Services, TasksClient
from companion.core import containers, content, diff, images, introspection, leases, namespaces
from companion.core.errors import Cancelled, Unavailable
from companion.core.events import EventService
from companion.remote.containers import RemoteContainerStore
from companion.remote.content import RemoteContentStore
from companion.remote.diff import RemoteDiffService
from companion.remote.events import RemoteEventService
from companion.remote.images import RemoteImageStore
from companion.remote.introspection import RemoteIntrospectionService
from companion.remote.leases import RemoteLeaseManager
from companion.remote.namespaces import RemoteNamespaceStore

T = TypeVar("T")


class Connected:
    """One connection, made at the first call, and the stores that work over it.

    With `services` there is no connection. A context manager. containerd: the services of client.Client.
    """

    def __init__(
        self, address: str, timeout: float, default_namespace: str, services: Services | None
    ) -> None:
        self._address, self._timeout, self._default_namespace = address, timeout, default_namespace
        self._injected = in_namespace(services, default_namespace) if services else None
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._stubs: Services | None = None
        self._closed = False

    @property
    def namespace(self) -> str:
        """The namespace that a call made here and now works in; empty when there is none."""
        return namespaces.current.get() or self._default_namespace

    @property
    def container_service(self) -> containers.Store:
        """The store of container records: a remote one. containerd: Client.ContainerService."""
        return RemoteContainerStore(offered(self._services().containers))

    @property
    def content_store(self) -> content.Store:
        """The store of blobs: a remote one. containerd: Client.ContentStore."""
        return RemoteContentStore(offered(self._services().content))

    @property
    def image_service(self) -> images.Store:
        """The store of image records: a remote one. containerd: Client.ImageService."""
        return RemoteImageStore(offered(self._services().images))

    @property
    def diff_service(self) -> diff.Service:
        """What unpacks layers and makes them. containerd: Client.DiffService."""
        return RemoteDiffService(offered(self._services().diff))

    @property
    def leases_service(self) -> leases.Manager:
        """The manager of leases. containerd: Client.LeasesService."""
        return RemoteLeaseManager(offered(self._services().leases))

    @property
    def namespace_service(self) -> namespaces.Store:
        """The store of namespaces. containerd: Client.NamespaceService."""
        return RemoteNamespaceStore(offered(self._services().namespaces))

    @property
    def event_service(self) -> EventService:
        """Publishing and subscribing. containerd: Client.EventService."""
        return offered(self._services().events)

    @property
    def introspection_service(self) -> introspection.Service:
        """What the daemon tells of itself. containerd: Client.IntrospectionService."""
        return RemoteIntrospectionService(offered(self._services().introspection))

    @property
    def task_service(self) -> TasksClient:
        """The tasks service itself: a task has no store. containerd: Client.TaskService."""
        return offered(self._services().tasks)

    def reconnect(self) -> None:
        """Give up the connection; the next call makes a new one. containerd: Client.Reconnect."""
        self._disconnect()

    def close(self) -> None:
        """Close the connection; later calls raise `Cancelled`."""
        self._closed = True
        self._disconnect()

    def _disconnect(self) -> None:
        with self._lock:
            channel, self._channel, self._stubs = self._channel, None, None
        if channel is not None:
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_channel", None) is not None:
            warnings.warn(f"unclosed client of {self._address}", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        return f"Client({self._address!r})" if self._injected is None else "Client(services=...)"

    def _services(self) -> Services:
        if self._injected is not None:
            return self._injected
        with self._lock:
            if self._closed:
                raise Cancelled("grpc: the client connection is closing")
            if self._stubs is None:
                self._channel = dial(self._address, self._timeout, self._default_namespace)
                self._stubs = _stubs(self._channel)
            return self._stubs


def _stubs(channel: grpc.Channel) -> Services:
    return Services(
        containers=ContainersStub(channel),
        content=ContentStub(channel),
        diff=DiffStub(channel),
        images=ImagesStub(channel),
        leases=LeasesStub(channel),
        namespaces=NamespacesStub(channel),
        snapshots=SnapshotsStub(channel),
        events=RemoteEventService(EventsStub(channel)),
        introspection=IntrospectionStub(channel),
        tasks=TasksStub(channel),
        version=VersionStub(channel),
        health=HealthStub(channel),
    )


def offered(service: T | None) -> T:
    """Return a service that may be missing. Raises `Unavailable` when it is."""
    if service is None:
        raise Unavailable("no grpc connection or services is available")
    return service
