"""Answers at a pace: a host that sends a byte now and then is as good as one that sends none.

A socket's time-out begins anew with every byte, in heads as in bodies. So time is counted where bytes arrive.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from socket import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MIN_RATE = 1024
"""Bytes a second; what stays below it for as long as the time-out has stalled."""


class PacedAdapter(HTTPAdapter):
    """Connections whose answers must come at `MIN_RATE`; else they fail as if nothing came."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _Paced(io.RawIOBase):
    """A file whose bytes are counted, and the time that is spent waiting for them."""

    def __init__(self, raw: io.RawIOBase, timeout: float) -> None:
        super().__init__()
        self._raw, self._timeout = raw, timeout
        self._waited, self._arrived = 0.0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]
        begun = time.monotonic()
        count = self._raw.readinto(buffer)
        self._waited += time.monotonic() - begun
        self._arrived += count or 0
        if self._waited > self._timeout:
            if self._arrived < MIN_RATE * self._waited:
                raise TimeoutError("timed out")
            self._waited, self._arrived = 0.0, 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PacedResponse(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if (timeout := sock.gettimeout()) is not None:
            self.fp = io.BufferedReader(_Paced(self.fp.detach(), timeout))


class _Connection(HTTPConnection):
    response_class = _PacedResponse


class _TLSConnection(HTTPSConnection):
    response_class = _PacedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_POOLS = {"http": _Pool, "https": _TLSPool}
