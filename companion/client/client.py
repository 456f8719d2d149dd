"""The client proxy. containerd: client/client.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, TextIO
from weakref import WeakSet

from companion.client.connected import Connected, offered
from companion.client.container import Container
from companion.client.image import Image
from companion.client.lease import held_lease
from companion.clients import Services
from companion.core import containers, images, labels, platforms, snapshots
from companion.core.containers import RuntimeInfo
from companion.core.errors import raising_classes
from companion.core.events import Subscription
from companion.core.introspection import ServerInfo
from companion.core.platforms import Matcher, only, ordered, parse
from companion.core.trace import traced
from companion.core.version import Version
from companion.remote.health import remote_is_serving
from companion.remote.snapshots import RemoteSnapshotter
from companion.remote.version import remote_version

if TYPE_CHECKING:
    from companion.client.container_opts import NewContainerOpt
    from companion.client.remotes.resolver import Resolver

DEFAULT_ADDRESS = "/run/containerd/containerd.sock"
DEFAULT_RUNTIME = "io.containerd.runc.v2"
DEFAULT_TIMEOUT = 10.0


@traced("client")
class Client(Connected):
    """A program's way to containerd: a real one, ours, or, with `services`, no daemon at all.

    `address` is a unix socket; the connection is made at the first call, waiting up to `timeout`
    seconds for the socket to appear. `default_namespace` serves calls whose context has no namespace.
    `default_runtime` is the runtime of new containers; without one, the label
    `containerd.io/defaults/runtime` of the default namespace says which, else it is runc's.
    `default_platform` says which platforms of an image will do; without one, those of this machine.
    A client may be used from many threads. containerd: client.New.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        default_namespace: str = "",
        default_runtime: str = "",
        default_platform: Matcher | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        services: Services | None = None,
    ) -> None:
        super().__init__(address, timeout, default_namespace, services)
        self._runtime = default_runtime
        self._platform = default_platform or platforms.only(platforms.parse(platforms.default()))
        self._subscriptions: WeakSet[Subscription] = WeakSet()

    @property
    def runtime(self) -> str:
        """The runtime of new containers, looked up once. containerd: Client.Runtime."""
        if not self._runtime:
            self._runtime = self._default_label(labels.DEFAULT_RUNTIME) or DEFAULT_RUNTIME
        return self._runtime

    @property
    def platform(self) -> Matcher:
        """Which platforms of an image will do, the best first. containerd: WithDefaultPlatform."""
        return self._platform

    def snapshot_service(self, name: str = "") -> snapshots.Snapshotter:
        """Return a snapshotter: the one of this name, or the one that `resolve_snapshotter` finds.

        containerd: Client.SnapshotService.
        """
        service = offered(self._services().snapshots)
        return RemoteSnapshotter(self.resolve_snapshotter(name), service)

    def resolve_snapshotter(self, name: str = "") -> str:
        """Return which snapshotter a call means: `name`; without one the label of the namespace says it.

        The label is `containerd.io/defaults/snapshotter`; without it too, it is overlayfs.
        containerd: resolveSnapshotterName.
        """
        if name or not self.namespace:
            return name or snapshots.DEFAULT_SNAPSHOTTER
        found = self.namespace_service.get(self.namespace).labels
        return found.get(labels.DEFAULT_SNAPSHOTTER) or snapshots.DEFAULT_SNAPSHOTTER

    def new_container(self, id: str, *opts: NewContainerOpt) -> Container:
        """Write a new container record, filled by `opts` in their order, and return its handle.

        What the options make on the way is held by a lease until the record refers to it.
        Raises what an option raises, `InvalidArgument`, `AlreadyExists`. containerd: Client.NewContainer.
        """
        with self.with_lease():
            record = containers.Container(id, runtime=RuntimeInfo(self.runtime))
            for opt in opts:
                record = opt(self, record)
            return Container(self, self.container_service.create(record))

    def load_container(self, id: str) -> Container:
        """Return the handle of an existing container. Raises `NotFound`. containerd: Client.LoadContainer."""
        return Container(self, self.container_service.get(id))

    def containers(self, *filters: str) -> list[Container]:
        """Return handles of the containers that match any of the filters, by id.

        Raises `InvalidArgument`. containerd: Client.Containers.
        """
        return [Container(self, record) for record in self.container_service.list(*filters)]

    def get_image(self, name: str) -> Image:
        """Return the handle of an image. Raises `NotFound`. containerd: Client.GetImage."""
        return Image(self, self.image_service.get(name), self.platform)

    def list_images(self, *filters: str) -> list[Image]:
        """Return handles of the images that match any of the filters, by name.

        Raises `InvalidArgument`. containerd: Client.ListImages.
        """
        return [Image(self, record, self.platform) for record in self.image_service.list(*filters)]

    def pull(
        self,
        ref: str,
        *,
        platform: str = "",
        unpack: bool = True,
        snapshotter: str = "",
        labels: Mapping[str, str] | None = None,
        resolver: Resolver | None = None,
        progress: TextIO | None = None,
    ) -> Image:
        """Bring an image from its registry, for one platform, and return its handle.

        Without a `platform`, such as `linux/arm64`, it is the client's. What is there already is not asked
        for. Its layers become snapshots, unless told not to, in the snapshotter of this name or the default.
        `labels` are those of the record; `progress` is where to write how far it is: a line, with a bar on a
        terminal. A lease holds what is new until the record does. containerd: Client.Pull.

        Raises `RegistryError` for what a registry does wrong and for a malformed reference, `NotFound`, also
        where no platform matches, `InvalidArgument` for documents that are none, and as `Image.unpack`. Then
        there is no record.
        """
        # What speaks HTTP costs a third of the time of an import, and most programs pull nothing.
        from companion.client.pull import Source, pull  # noqa: PLC0415

        source = Source(ref, labels or {}, resolver, progress)
        matcher = only(parse(platform)) if platform else self.platform
        return pull(self, source, matcher, unpack=unpack, snapshotter=snapshotter)

    def fetch(
        self,
        ref: str,
        *,
        platforms: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        resolver: Resolver | None = None,
        progress: TextIO | None = None,
    ) -> images.Image:
        """Bring an image from its registry, for these platforms or for all, and return its record.

        All else is as in `pull`. containerd: Client.Fetch.
        """
        from companion.client.pull import Source, fetch  # noqa: PLC0415

        matcher = ordered(map(parse, platforms)) if platforms else None
        return fetch(self, Source(ref, labels or {}, resolver, progress), matcher)

    def import_image(
        self, file: BinaryIO, *, base_name: str = "", all_platforms: bool = False
    ) -> list[images.Image]:
        """Read an archive of images, as OCI or docker lays it out, and return the records of those it names.

        A name that is only a tag becomes `<base_name>:<tag>`. Of an index, what is for another platform than
        the client's may be missing, and is not kept, unless it is `all_platforms`. Raises `InvalidArgument`
        for what is no such archive or holds other bytes than it says, `ResourceExhausted`, `NotFound` for
        what is missing; then there is no record, and what was written goes with the next collection.
        containerd: Client.Import.
        """
        from companion.client.archive.importing import import_archive  # noqa: PLC0415 - few programs need it

        platform = None if all_platforms else self.platform
        with self.with_lease():
            return import_archive(self.content_store, self.image_service, file, base_name, platform)

    def export_image(self, file: BinaryIO, *names: str, all_platforms: bool = False) -> None:
        """Write images to an archive, as OCI lays it out and docker reads it; the same bytes every time.

        Of an index it is what is for the client's platform, or for `all_platforms`. Raises `NotFound` for an
        image, or a part of one, that is not there: before anything is written. containerd: Client.Export.
        """
        from companion.client.archive.exporting import export_archive  # noqa: PLC0415 - few programs need it

        records = [self.image_service.get(name) for name in names]
        export_archive(self.content_store, file, records, self.platform, all_platforms=all_platforms)

    def with_lease(self) -> AbstractContextManager[None]:
        """Return a block whose calls run under a lease: the context's own, or a new one that ends with it.

        containerd: Client.WithLease.
        """
        return held_lease(self.leases_service)

    def subscribe(self, *filters: str) -> Subscription:
        """Return the events of all namespaces from now on, for iteration. containerd: Client.Subscribe.

        It ends with its own `cancel()` or with this client. Raises `Unknown` for a bad filter.
        """
        with raising_classes():
            subscription = self.event_service.subscribe(*filters)
        self._subscriptions.add(subscription)
        return subscription

    def version(self) -> Version:
        """Return the daemon's version. containerd: Client.Version."""
        return remote_version(offered(self._services().version))

    def server(self) -> ServerInfo:
        """Return the daemon's identity. containerd: Client.Server."""
        return self.introspection_service.server()

    def is_serving(self) -> bool:
        """Return whether the daemon says that it serves. containerd: Client.IsServing."""
        return remote_is_serving(offered(self._services().health))

    def close(self) -> None:
        """End the subscriptions and close the connection; later calls raise `Cancelled`.

        containerd: Client.Close.
        """
        for subscription in list(self._subscriptions):
            subscription.cancel()
        super().close()

    def _default_label(self, label: str) -> str:
        if not self._default_namespace:
            return ""
        return self.namespace_service.get(self._default_namespace).labels.get(label, "")
