"""How a call ends: with the status of an error, and with its stream cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc


@contextmanager
def answering(context: grpc.ServicerContext) -> Iterator[None]:
    """End the call with the status that an error of the block carries, unchanged."""
    try:
        yield
    except grpc.RpcError as error:
        # What a local plugin raises has code and details, like what a stub raises.
        context.abort(error.code(), error.details() or "")


def cut_at_end(context: grpc.ServicerContext, cancel: Callable[[], object]) -> None:
    """Let the end of the call, however it comes, cancel its stream."""

    def cut() -> None:
        cancel()

    if not context.add_callback(cut):
        cut()  # the client is gone already, and nobody would ever call back
