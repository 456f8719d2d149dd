"""The reader's own services on a socket of a block: bare, or behind the daemon's interceptor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import grpc

from companion.client import Client
from companion.service.interceptor import CallContext
from companion.service.stream_pool import StreamPool

_STREAMS = 4


class Registering(Protocol):
    """A service that knows how to tie itself to a server."""

    def register(self, server: Any) -> None: ...


@contextmanager
def serving(
    *services: Registering, interceptors: Sequence[grpc.ServerInterceptor] = (), workers: int = 4
) -> Iterator[str]:
    """Serve `services` inside the block with a pool of `workers` threads, and give the socket's path."""
    with TemporaryDirectory(prefix="companion-") as directory:
        pool = ThreadPoolExecutor(workers)
        server = grpc.server(pool, interceptors=list(interceptors))
        for service in services:
            service.register(server)
        server.add_insecure_port(f"unix:{directory}/sock")
        server.start()
        try:
            yield f"{directory}/sock"
        finally:
            server.stop(0).wait()
            # Not waited for: an experiment may have lost a worker for good.
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def served(*services: Registering) -> Iterator[Client]:
    """Serve `services` behind the daemon's interceptor, and give a client of them."""
    with (
        StreamPool(_STREAMS) as streams,
        serving(*services, interceptors=[CallContext(streams)]) as address,
        Client(address) as client,
    ):
        yield client
