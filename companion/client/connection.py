"""The connection: one gRPC channel on a unix socket, and the headers that every call on it carries."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote

import grpc

from companion.core import leases, namespaces, trace
from companion.core.errors import Cancelled, Unavailable, to_grpc

MAX_MESSAGE_SIZE = 16 << 20
"""The largest message either way, in bytes, as containerd's own client has it."""

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_SIZE),
    ("grpc.max_send_message_length", MAX_MESSAGE_SIZE),
    # The text of an error is a header, and may quote a long name.
    ("grpc.max_metadata_size", MAX_MESSAGE_SIZE),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 3000),
    # Without it two channels to one address share a connection, and each other's failures.
    ("grpc.use_local_subchannel_pool", 1),
)


def dial(address: str, timeout: float, default_namespace: str) -> grpc.Channel:
    """Connect to a daemon's socket, waiting up to `timeout` seconds for it to appear.

    Raises `Unavailable` when it does not, and at once when nobody listens on it.
    containerd: the dialer of New.
    """
    _await_listener(address, time.monotonic() + timeout)
    channel = grpc.insecure_channel(f"unix://{quote(os.path.abspath(address))}", options=_OPTIONS)
    headers = ContextHeaders(default_namespace)
    return cast(grpc.Channel, _Channel(grpc.intercept_channel(channel, headers), headers))


def _await_listener(address: str, deadline: float) -> None:
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(address)
                return
        except FileNotFoundError:
            if time.monotonic() >= deadline:
                cause = f"dial unix://{address}: timeout"
                raise Unavailable(f'failed to dial "{address}": context deadline exceeded: {cause}') from None
            time.sleep(0.01)
        except OSError as error:
            cause = f"dial unix {address}: {os.strerror(error.errno or 0).lower()}"
            raise Unavailable(f'failed to dial "{address}": {cause}') from None


class _Channel:
    """A channel that can be closed while stubs of it are in use: the library's own then ends the process."""

    def __init__(self, channel: grpc.Channel, headers: ContextHeaders) -> None:
        self._channel, self._headers = channel, headers

    def close(self) -> None:
        self._headers.closed = True
        self._channel.close()

    def __getattr__(self, name: str) -> Any:
        self._headers.check_open()
        return getattr(self._channel, name)


class _Details(grpc.ClientCallDetails):
    """The details of a call with other headers."""

    def __init__(
        self, details: grpc.ClientCallDetails, metadata: tuple[tuple[str, str | bytes], ...]
    ) -> None:
        self.method, self.timeout = details.method, details.timeout
        self.credentials, self.wait_for_ready = details.credentials, details.wait_for_ready
        self.compression = details.compression
        self.metadata = metadata


class ContextHeaders(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Puts the context of the caller into headers: its namespace, its lease and its trace.

    It reads them when the call is made, in the thread that makes it.
    """

    def __init__(self, default_namespace: str) -> None:
        self._default_namespace = default_namespace
        self.closed = False

    def check_open(self) -> None:
        """Raise a CANCELLED status once the channel is closed."""
        if self.closed:
            raise to_grpc(Cancelled("grpc: the client connection is closing"))

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return self._call(continuation, client_call_details, request, lambda outcome: outcome.result())

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return self._call(continuation, client_call_details, request, lambda outcome: outcome)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return self._call(continuation, client_call_details, request_iterator, lambda outcome: outcome)

    def _call(self, continuation: Any, details: Any, request: Any, reply: Callable[[Any], Any]) -> Any:
        if trace.recorder is None:
            return continuation(self._with_headers(details), request)
        outcome: Any = None

        def run() -> Any:
            nonlocal outcome
            outcome = continuation(self._with_headers(details), request)
            return reply(outcome)

        service, call = details.method.rsplit("/", 1)
        lane = f"{service.rsplit('.', 1)[-1]}Client"
        try:
            trace.recorder.record("wire", lane, call, (request,), run)
        except grpc.RpcError:
            if outcome is None:
                raise
        return outcome

    def _with_headers(self, details: grpc.ClientCallDetails) -> _Details:
        self.check_open()
        headers = [*(details.metadata or ()), *trace.headers()]
        namespace = namespaces.current.get() or self._default_namespace
        if namespace:
            headers.append((namespaces.HEADER, namespace))
        lease = leases.current.get()
        if lease:
            headers.append((leases.HEADER, lease))
        return _Details(details, tuple(headers))
