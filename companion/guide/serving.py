"""A bare gRPC server for an experiment: services of the reader's own on a socket that goes with the block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import grpc


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
