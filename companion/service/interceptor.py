"""What happens to every call before its service sees it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

import grpc

from companion.core import leases, namespaces, trace
from companion.service.stream_pool import StreamPool


class CallContext(grpc.ServerInterceptor):
    """Turns the headers of a call into its context, and gives streams a pool of their own.

    containerd reads the namespace from the headers where it is needed; here it becomes the context
    variable that it is on the client's side too. Setting it is enough: each call runs in an empty context.
    A stream holds its worker for as long as it lives, so streams must not take those of short calls.
    """

    def __init__(self, streams: StreamPool) -> None:
        self._streams = streams

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        headers = handler_call_details.invocation_metadata or ()
        namespaces.current.set(_first(headers, namespaces.HEADER))
        leases.current.set(_first(headers, leases.HEADER))
        trace.join(headers)
        handler = continuation(handler_call_details)
        if handler is None or not handler.response_streaming:
            return handler
        return self._in_stream_pool(handler) if self._streams.reserve() else _REFUSING

    def _in_stream_pool(self, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        make: Any = grpc.unary_stream_rpc_method_handler
        behavior: Any = handler.unary_stream
        if handler.request_streaming:
            make, behavior = grpc.stream_stream_rpc_method_handler, handler.stream_stream
        # The library's own way to choose a pool: an attribute of the function that handles the call.
        pooled: Any = functools.partial(behavior)
        pooled.experimental_thread_pool = self._streams
        chosen: grpc.RpcMethodHandler[Any, Any] = make(
            pooled, handler.request_deserializer, handler.response_serializer
        )
        return chosen


def _refuse(_requests: object, context: grpc.ServicerContext) -> NoReturn:
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many open streams")


_REFUSING: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(_refuse)


def _first(headers: Any, key: str) -> str:
    """The first value wins when a header is sent twice, as in containerd."""
    return next((value for name, value in headers if name == key), "")
