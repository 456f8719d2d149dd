"""The server as the services see it: what their generated code needs, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from companion.core.errors import StatusError
from companion.core.quote import quote
from companion.service.status import answering


class Host(grpc.GenericRpcHandler):
    """Takes the handlers of the services to a server, and answers for what no service handles.

    The texts of its refusals are those of containerd's gRPC library.
    """

    def __init__(self, server: grpc.Server) -> None:
        self._server = server
        self._services: set[str] = set()

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Called by generated code, which also registers each of these handlers with its name."""

    def add_registered_method_handlers(
        self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        """Called by generated code; the names of the services are remembered on the way."""
        self._services.add(service)
        self._server.add_registered_method_handlers(
            service, {name: _parsing(handler) for name, handler in handlers.items()}
        )

    def close(self) -> None:
        """Let this host answer for all that is left; services that come later would never be asked."""
        self._server.add_generic_rpc_handlers((self,))

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """Return a handler that refuses a call nobody else handles."""
        code, text = self._refusal(handler_call_details.method)

        def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(code, text)

        return grpc.unary_unary_rpc_method_handler(refuse)

    def _refusal(self, path: str) -> tuple[grpc.StatusCode, str]:
        service, slash, method = path[1:].rpartition("/")
        if not slash:
            return grpc.StatusCode.RESOURCE_EXHAUSTED, f"malformed method name: {quote(path)}"
        if service in self._services:
            return grpc.StatusCode.UNIMPLEMENTED, f"unknown method {method} for service {service}"
        return grpc.StatusCode.UNIMPLEMENTED, f"unknown service {service}"


def _parsing(handler: Any) -> Any:
    """Return a handler that parses its requests itself, to refuse them as containerd's library does."""
    make, behavior = grpc.unary_unary_rpc_method_handler, handler.unary_unary
    if handler.request_streaming:
        make, behavior = grpc.stream_stream_rpc_method_handler, handler.stream_stream
    elif handler.response_streaming:
        make, behavior = grpc.unary_stream_rpc_method_handler, handler.unary_stream

    def parse(request: bytes) -> Any:
        try:
            return handler.request_deserializer(request)
        except DecodeError:
            # One text for all bytes that are no message: protobuf's own words change with its version.
            text = "grpc: error unmarshalling request: unexpected EOF"
            raise StatusError(grpc.StatusCode.INTERNAL, text) from None

    def call(sent: Any, context: grpc.ServicerContext) -> Any:
        with answering(context):
            request = map(parse, sent) if handler.request_streaming else parse(sent)
        return behavior(request, context)

    return make(call, None, handler.response_serializer)
