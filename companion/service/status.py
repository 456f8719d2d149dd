"""How a call ends: with the status of an error, and with its stream cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc

from companion.clients import Stream

T = TypeVar("T")


@contextmanager
def answering(context: grpc.ServicerContext) -> Iterator[None]:
    """End the call with the status that an error of the block carries, unchanged."""
    try:
        yield
    except grpc.RpcError as error:
        if not hasattr(error, "code"):
            raise  # so the library tells whoever waits for the next request that the client is gone
        # What a local plugin raises has code and details, like what a stub raises.
        context.abort(error.code(), error.details() or "")


def passing_on(context: grpc.ServicerContext, stream: Stream[T]) -> Iterator[T]:
    """Return the messages of a local plugin's stream; its error ends the call, and the call's end cuts it."""
    cut_at_end(context, stream.cancel)

    def messages() -> Iterator[T]:
        with answering(context):
            yield from stream

    return messages()


def cut_at_end(context: grpc.ServicerContext, cancel: Callable[[], object]) -> None:
    """Let the end of the call, however it comes, cancel its stream."""

    def cut() -> None:
        cancel()

    if not context.add_callback(cut):
        cut()  # the client is gone already, and nobody would ever call back
