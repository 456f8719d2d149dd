"""Leases: what keeps a thing alive that nothing refers to yet."""

from __future__ import annotations

import base64
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from companion.core.labels import GC_EXPIRE

_log = logging.getLogger(__name__)

HEADER = "containerd-lease"

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)")

current: ContextVar[str] = ContextVar("lease", default="")
"""The id of the lease that calls of this context work under; empty when there is none."""


@contextmanager
def lease(id: str) -> Iterator[None]:
    """Send the lease `id` along with every call of the block. containerd: leases.WithLease."""
    token = current.set(id)
    try:
        yield
    finally:
        current.reset(token)


def generate_id() -> str:
    """Return an id for a new lease: nanoseconds and three random bytes. containerd: leases.WithRandomID."""
    suffix = base64.urlsafe_b64encode(os.urandom(3)).decode()
    return f"{time.time_ns() % 1_000_000_000}-{suffix}"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease. The daemon sets `created_at` (UTC). containerd: leases.Lease."""

    id: str = ""
    created_at: datetime | None = field(default=None, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)


def expired(lease: Lease, now: datetime) -> bool:
    """Return whether the lease has a label with an end, and the end is over."""
    text = lease.labels.get(GC_EXPIRE, "")
    with suppress(ValueError):
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text) < now
    if text:  # in doubt nothing is taken away
        _log.warning("lease %s: ignoring expiration time %r", lease.id, text)
    return False


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing that a lease holds: its id and `content`, `ingests` or `snapshots/<snapshotter>`.

    containerd: leases.Resource.
    """

    id: str
    type: str


class Manager(Protocol):
    """Where leases live. containerd: leases.Manager.

    Every method works in the namespace of the context and raises `FailedPrecondition` without one.
    """

    def create(self, lease: Lease) -> Lease:
        """Write a new lease, with an id made up when it has none. Raises `AlreadyExists`."""
        ...

    def delete(self, lease: Lease, *, sync: bool = False) -> None:
        """Remove the lease; `sync` waits until what it alone held is gone. Raises `NotFound`."""
        ...

    def list(self, *filters: str) -> Sequence[Lease]:
        """Return the leases that match any of the filters, bytewise by id. Raises `InvalidArgument`."""
        ...

    def add_resource(self, lease: Lease, resource: Resource) -> None:
        """Let the lease hold a resource, which need not exist yet.

        Raises `NotFound`, `InvalidArgument` for a malformed and `Unimplemented` for an unknown type.
        """
        ...

    def delete_resource(self, lease: Lease, resource: Resource) -> None:
        """Let go of a resource. Raises as `add_resource`."""
        ...

    def list_resources(self, lease: Lease) -> Sequence[Resource]:
        """Return what the lease holds: content, then ingests, then snapshots. Raises `NotFound`."""
        ...
