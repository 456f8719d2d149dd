"""The reader's own services behind the daemon's interceptor, and a client that reaches them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from companion.client import Client
from companion.guide.serving import Registering, serving
from companion.service.interceptor import CallContext
from companion.service.stream_pool import StreamPool

_STREAMS = 4


@contextmanager
def served(*services: Registering) -> Iterator[Client]:
    """Serve `services` inside the block on a socket of their own, and give a client of that socket."""
    with (
        StreamPool(_STREAMS) as streams,
        serving(*services, interceptors=[CallContext(streams)]) as address,
        Client(address) as client,
    ):
        yield client
