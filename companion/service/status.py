"""How an error of a local plugin becomes the status of a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc


@contextmanager
def answering(context: grpc.ServicerContext) -> Iterator[None]:
    """End the call with the status that an error of the block carries, unchanged."""
    try:
        yield
    except grpc.RpcError as error:
        # What a local plugin raises has code and details, like what a stub raises.
        context.abort(error.code(), error.details())  # type: ignore[attr-defined]
