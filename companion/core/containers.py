"""The container record and the store protocol that stands at both ends of the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from companion.core.typeurl import Any


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """Which runtime will run the container, by name, and its options. containerd: containers.RuntimeInfo."""

    name: str = ""
    options: Any | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """What containerd knows of a container: a record, not a process. containerd: containers.Container.

    `spec` is the OCI runtime spec as JSON. The daemon sets both times (UTC); what a caller puts there
    is ignored. They are left out of the representation, so that it is the same on every run.
    """

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    runtime: RuntimeInfo = RuntimeInfo()
    spec: Any | None = None
    snapshotter: str = ""
    snapshot_key: str = ""
    created_at: datetime | None = field(default=None, repr=False)
    updated_at: datetime | None = field(default=None, repr=False)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    sandbox: str = ""


class Store(Protocol):
    """Where container records live. containerd: containers.Store.

    Every method works in the namespace of the context and raises `FailedPrecondition` without one.
    """

    def get(self, id: str) -> Container:
        """Return the record. Raises `NotFound`."""
        ...

    def list(self, *filters: str) -> Sequence[Container]:
        """Return the records that match any of the filters, bytewise by id; without a filter, all.

        Raises `InvalidArgument` for a filter that cannot be parsed.
        """
        ...

    def create(self, container: Container) -> Container:
        """Write a new record and return it with its times. Raises `InvalidArgument`, `AlreadyExists`."""
        ...

    def update(self, container: Container, *fieldpaths: str) -> Container:
        """Change the fields named by `fieldpaths`, or all that may change, and return the merged record.

        Raises `InvalidArgument` for a field that cannot be updated, `NotFound`.
        """
        ...

    def delete(self, id: str) -> None:
        """Remove the record. Raises `NotFound`."""
        ...
