"""The handle of a container. containerd: client/container.go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import grpc

from companion.api.services.tasks.v1 import tasks_pb2
from companion.client import oci
from companion.core import containers
from companion.core.errors import FailedPrecondition, NotFound
from companion.core.trace import traced
from companion.core.typeurl import Any

if TYPE_CHECKING:
    from companion.client.client import Client
    from companion.client.image import Image

DeleteOpt = Callable[["Client", containers.Container], None]
"""Does something before the record is removed; an error stops the deletion. containerd: DeleteOpts."""

UpdateContainerOpt = Callable[["Client", containers.Container], containers.Container]
"""Returns the record as it shall be. containerd: UpdateContainerOpts."""


@traced("client")
class Container:
    """A container as a program holds it: an id and a way to the daemon. containerd: client.Container."""

    def __init__(self, client: Client, record: containers.Container) -> None:
        self._client, self._record = client, record

    @property
    def id(self) -> str:
        """The id of the container."""
        return self._record.id

    def info(self, *, refresh: bool = True) -> containers.Container:
        """Return the record, as it is now or, without `refresh`, as it was last seen. Raises `NotFound`."""
        if refresh:
            self._record = self._client.container_service.get(self.id)
        return self._record

    def labels(self) -> Mapping[str, str]:
        """Return the labels. Raises `NotFound`."""
        return self.info().labels

    def extensions(self) -> Mapping[str, Any]:
        """Return the extensions. Raises `NotFound`."""
        return self.info().extensions

    def spec(self) -> oci.Spec:
        """Return the OCI runtime spec. Raises `NotFound`."""
        spec = self.info().spec
        if spec is None:
            raise NotFound(f"container {self.id} has no spec")
        return oci.unmarshal(spec)

    def image(self) -> Image:
        """Return the image that it was made from. Raises `NotFound`."""
        record = self.info()
        if not record.image:
            raise NotFound("container not created from an image")
        try:
            return self._client.get_image(record.image)
        except NotFound as error:
            raise error.wrap(f"failed to get image {record.image} for container") from error

    def set_labels(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Set these labels and return all there are; an empty value removes one. Raises `NotFound`."""
        change = containers.Container(self.id, labels=labels)
        paths = [f"labels.{key}" for key in labels]
        return self._client.container_service.update(change, *paths).labels

    def update(self, *opts: UpdateContainerOpt) -> None:
        """Read the record, let `opts` change it, and write it back whole.

        Raises `NotFound`, `InvalidArgument`.
        """
        record = self.info()
        for opt in opts:
            record = opt(self._client, record)
        self._record = self._client.container_service.update(record)

    def delete(self, *opts: DeleteOpt) -> None:
        """Remove the record, after `opts` in their order.

        Raises `FailedPrecondition` while a task runs in it, `NotFound`, and what an option raises.
        """
        if self._has_task():
            raise FailedPrecondition(f"cannot delete running task {self.id}")
        record = self.info()
        for opt in opts:
            opt(self._client, record)
        self._client.container_service.delete(record.id)

    def __repr__(self) -> str:
        return f"Container({self.id!r})"

    def _has_task(self) -> bool:
        """As containerd's client does: any error means that no task is in the way."""
        try:
            self._client.task_service.Get(tasks_pb2.GetRequest(container_id=self.id))
        except grpc.RpcError:
            return False
        return True
