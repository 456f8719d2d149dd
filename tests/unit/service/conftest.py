"""A gRPC server on a unix socket for one service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import grpc
import pytest


class Service(Protocol):
    """A gRPC plugin."""

    def register(self, server: grpc.Server) -> None: ...


Serve = Callable[..., grpc.Channel]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a service, on 8 workers or fewer, and returns a channel to it."""
    with ExitStack() as stack:

        def serve(service: Service, workers: int = 8) -> grpc.Channel:
            pool = stack.enter_context(ThreadPoolExecutor(workers))
            server = grpc.server(pool)
            service.register(server)
            address = f"unix:{tmp_path}/socket"
            server.add_insecure_port(address)
            server.start()
            stack.callback(lambda: server.stop(0).wait())
            return stack.enter_context(grpc.insecure_channel(address))

        yield serve
