"""The lease that keeps what an operation makes until something refers to it. containerd: client/lease.go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from companion.core import leases
from companion.core.errors import Error
from companion.core.labels import GC_EXPIRE
from companion.core.leases import Lease, Manager

EXPIRATION = timedelta(hours=24)
"""How long a lease lives when the program dies before it can let go."""


@contextmanager
def held_lease(manager: Manager) -> Iterator[None]:
    """Run the block under the lease of the context, or under a new one that is deleted after it."""
    if leases.current.get():
        yield
        return
    expires = datetime.now().astimezone() + EXPIRATION
    held = manager.create(
        Lease(leases.generate_id(), labels={GC_EXPIRE: expires.isoformat(timespec="seconds")})
    )
    with leases.lease(held.id):
        try:
            yield
        finally:
            # It expires by itself; a failure here must not hide how the block ended.
            with suppress(Error):
                manager.delete(held)
