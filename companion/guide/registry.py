"""A registry on this machine: it answers in place of Docker Hub, for as long as its block."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from companion.client.remotes import Resolver
from companion.guide import image
from companion.guide.image import Blobs

_MANIFEST = re.compile(".*/v2/[^?]+/manifests/([^?/]+)")
_BLOB = re.compile(".*/v2/[^?]+/blobs/([^?/]+)")
_TAG = "latest"
_RANGE = re.compile(r"bytes=(\d+)-")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks: `POST` has a body."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        path = self.path.partition("?")[0]
        return " ".join(filter(None, (self.method, path, self.headers.get("Range"))))


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets. A body, or an `answer`, that raises `ConnectionError` cuts the connection."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes] = ()


class Registry:
    """Serves blobs read-only, from threads that print nothing.

    `blobs` are those of an image, without any the guide's; `requests` is what it was asked. A registry that
    is broken sends part of one blob, and closes every connection after it, until it is repaired.
    """

    def __init__(self, blobs: Blobs | None = None) -> None:
        self.blobs = blobs or image.build()
        self._left: int | None = None
        self.requests: list[Request] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def host(self) -> str:
        """Where it answers: host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    def resolver(self) -> Resolver:
        """Return a resolver that asks this registry for what is Docker Hub's."""
        return Resolver(mirrors={"docker.io": f"http://{self.host}"})

    def break_after(self, size: int) -> None:
        """Send `size` more bytes of blobs, then nothing any more."""
        self._left = size

    def repair(self) -> None:
        """Answer again."""
        self._left = None

    def answer(self, request: Request) -> Answer:
        """Return what the registry says to a request."""
        if self._left == 0:
            raise ConnectionAbortedError
        if found := _MANIFEST.fullmatch(request.path.partition("?")[0]):
            return self._manifest(self.blobs.target if found[1] == _TAG else found[1])
        if found := _BLOB.fullmatch(request.path.partition("?")[0]):
            return self._blob(found[1], request.headers.get("Range", ""))
        return Answer(200 if request.path == "/v2/" else 404, {"Content-Length": "0"})

    def _manifest(self, digest: str) -> Answer:
        if digest not in self.blobs.blobs:
            return Answer(404, {"Content-Length": "0"})
        media_type, data = self.blobs.blobs[digest]
        told = {"Content-Type": media_type, "Docker-Content-Digest": digest}
        return Answer(200, told | {"Content-Length": str(len(data))}, [data])

    def _blob(self, digest: str, asked: str) -> Answer:
        if digest not in self.blobs.blobs:
            return Answer(404, {"Content-Length": "0"})
        data = self.blobs.blobs[digest][1]
        begin = int(found[1]) if (found := _RANGE.fullmatch(asked)) else 0
        told = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data) - begin)}
        if found:
            told["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        return Answer(206 if found else 200, told, self._sent(data[begin:]))

    def _sent(self, data: bytes) -> Iterable[bytes]:
        if self._left is None:
            yield data
            return
        part, self._left = data[: self._left], max(0, self._left - len(data))
        yield part
        if len(part) < len(data):
            raise ConnectionAbortedError

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is nothing to print."""


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers), body)
            registry.requests.append(request)
            try:
                self._send(registry.answer(request))
            except ConnectionError:
                self.close_connection = True

        do_HEAD = do_POST = do_GET

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for part in answer.body if self.command != "HEAD" else ():
                self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:
            """Threads of a notebook print nothing."""

    return Handler
