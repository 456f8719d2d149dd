"""Registries that lie, stall or never end: an error in time, nothing half done, and a second try works."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from companion.client import Client
from companion.client.remotes import Resolver
from companion.core import media_types
from companion.core.errors import Error
from companion.guide.image import NAME, Blobs
from companion.guide.registry import Answer, Request
from tests.registries import Script, Scripted, challenge, document, first_of, on, simple, status
from tests.robustness.place import GUARD, Place

TIMEOUT = 1.0
HUGE = 100 << 20
MANIFEST = media_types.OCI_MANIFEST


@pytest.fixture
def registry() -> Iterator[Scripted]:
    # Every test has a layer of its own: a daemon shares blobs between tests.
    with Scripted(blobs=simple([os.urandom(3 << 20)])) as registry:
        yield registry


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with place.daemon(), place.client() as client:
        yield client


def resolver(registry: Scripted) -> Resolver:
    return Resolver(mirrors={"docker.io": f"http://{registry.host}"}, timeout=TIMEOUT)


def endless(part: bytes = bytes(1 << 16)) -> Iterator[bytes]:
    return itertools.repeat(part)


def drip() -> Iterator[bytes]:
    """A byte now and then, for ever: no single one is late."""
    while True:
        time.sleep(TIMEOUT / 10)
        yield b" "


def stall() -> Iterator[bytes]:
    """Nothing, for longer than anybody waits."""
    yield b""
    time.sleep(5 * TIMEOUT)


def deep(blobs: Blobs, levels: int) -> None:
    """Put the manifest below so many indexes."""
    media_type, data = blobs.blobs[blobs.target]
    inner: dict[str, object] = {"mediaType": media_type, "digest": blobs.target, "size": len(data)}
    for _ in range(levels):
        inner = blobs.add_json(media_types.OCI_INDEX, schemaVersion=2, manifests=[inner])
    blobs.target = str(inner["digest"])


def manifest(data: bytes, media_type: str = MANIFEST) -> Callable[[Scripted], Script]:
    """Have these bytes for a manifest, and name them rightly."""

    def script(registry: Scripted) -> Script:
        descriptor = Blobs().add(media_type, data)
        told = {"Content-Type": media_type, "Docker-Content-Digest": descriptor["digest"]}
        return on("(HEAD|GET) .*/manifests/.*", status(200, told, data))

    return script


def of(kind: str, answer: Answer | Callable[[], Answer]) -> Callable[[Scripted], Script]:
    """Give this answer to who asks for the bytes of one kind of blob."""

    def script(registry: Scripted) -> Script:
        def maybe(request: Request) -> Answer | None:
            if request.method != "GET" or not registry.named(request.path).endswith(f"/{kind}?ns=docker.io"):
                return None
            return answer if isinstance(answer, Answer) else answer()

        return maybe

    return script


def head(**headers: str) -> Callable[[Scripted], Script]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: on("HEAD .*", Answer(200, told))


def refusing_tokens(registry: Scripted) -> Script:
    return first_of(
        on("GET /token.*", document({"token": "t"})),
        lambda _: challenge(f'Bearer realm="http://{registry.host}/token"'),
    )


def endless_token(registry: Scripted) -> Script:
    return first_of(
        on("GET /token.*", lambda _: Answer(200, {}, endless())),
        lambda _: challenge(f'Bearer realm="http://{registry.host}/token"'),
    )


def nesting(registry: Scripted) -> Script:
    deep(registry.blobs, 50)
    return lambda _: None


HOSTILE: dict[str, tuple[Callable[[Scripted], Script], str]] = {
    "a layer of other bytes": (
        of("layer", lambda: status(200, body=bytes(3 << 20))),
        "unexpected commit digest",
    ),
    "a config of other bytes": (of("config", status(200, body=bytes(1000))), "unexpected commit digest"),
    "a manifest of other bytes": (of("manifest", status(200, body=bytes(1000))), "unexpected commit digest"),
    "a short layer": (of("layer", status(200, body=b"short")), "unexpected EOF"),
    "an empty layer": (of("layer", status(200)), "unexpected EOF"),
    "a layer without an end": (
        of("layer", lambda: Answer(200, {"Connection": "close"}, endless())),
        "unexpected commit digest",
    ),
    "a layer that is promised longer than it is": (
        of("layer", lambda: Answer(200, {"Content-Length": str(4 << 20)}, [b"short"])),
        "i/o timeout",
    ),
    "a layer that drips": (
        of("layer", lambda: Answer(200, {"Content-Length": str(3 << 20)}, drip())),
        "i/o timeout",
    ),
    "a layer that does not come": (
        of("layer", lambda: Answer(200, {"Content-Length": str(3 << 20)}, stall())),
        "i/o timeout",
    ),
    "a layer that is elsewhere in a circle": (
        of("layer", status(302, {"Location": "/v2/library/debian/blobs/layer"})),
        "stopped after 10 redirects|could not fetch content descriptor",
    ),
    "a layer that is nowhere": (
        of("layer", status(302, {"Location": "gopher://x/y"})),
        "failed to do request",
    ),
    "a layer at a malformed place": (
        of("layer", status(302, {"Location": "http://[x/"})),
        "failed to do request",
    ),
    "a layer that is refused without an end": (
        of("layer", lambda: Answer(403, {}, endless())),
        "403 Forbidden$",
    ),
    "a layer in an encoding": (
        of("layer", status(200, {"Content-Encoding": "gzip"}, bytes(3 << 20))),
        "unexpected commit digest",
    ),
    "an announced manifest of 100 MiB": (
        head(Docker_Content_Digest=f"sha256:{'0' * 64}", Content_Length=str(HUGE), Content_Type=MANIFEST),
        "rejecting 104857600 byte manifest",
    ),
    "a manifest without an end": (
        lambda _: on("(HEAD|GET) .*/manifests/latest.*", lambda _: Answer(200, {}, endless())),
        "more than 4393216 bytes",
    ),
    "a manifest that drips": (
        lambda _: first_of(
            on("HEAD .*", lambda _: Answer(200, {})), on("GET .*", lambda _: Answer(200, {}, drip()))
        ),
        "i/o timeout",
    ),
    "a manifest that is no JSON": (manifest(b"{"), "is not JSON"),
    "a manifest of brackets": (manifest(b"[" * 1_000_000), "is not JSON"),
    "a manifest that is a list": (manifest(b"[]"), "must be an object"),
    "a manifest without a config": (manifest(b"{}"), "invalid checksum digest format"),
    "a manifest that is an index": (
        manifest(json.dumps({"manifests": [{}]}).encode()),
        "expected manifest but found index",
    ),
    "an index that is a manifest": (
        manifest(json.dumps({"layers": [{}]}).encode(), media_types.OCI_INDEX),
        "expected index but found manifest",
    ),
    "an index of nothing": (manifest(b"{}", media_types.OCI_INDEX), "no match for platform in manifest"),
    "indexes in one another": (nesting, "more than 8 indexes in one another"),
    "a digest that is none": (
        head(Docker_Content_Digest="../../x", Content_Length="5", Content_Type=MANIFEST),
        "in header not a valid digest",
    ),
    "no size": (
        head(Docker_Content_Digest=f"sha256:{'0' * 64}", Content_Length="0", Content_Type=MANIFEST),
        "reports content size of zero",
    ),
    "tokens that are never enough": (refusing_tokens, "401 Unauthorized"),
    "a token without an end": (endless_token, "more than 1048576 bytes"),
    "always busy": (lambda _: lambda _: status(429), "429 Too Many Requests"),
}


@pytest.mark.parametrize(("script", "text"), HOSTILE.values(), ids=HOSTILE)
def test_hostile(client: Client, registry: Scripted, script: Callable[[Scripted], Script], text: str) -> None:
    whole = simple([next(data for kind, data in registry.blobs.blobs.values() if "layer" in kind)])
    registry.script = script(registry)
    begun = time.monotonic()
    with pytest.raises(Error, match=text):
        client.pull(NAME, platform="linux/amd64", unpack=False, resolver=resolver(registry))
    assert time.monotonic() - begun < GUARD
    assert list(client.image_service.list()) == []
    assert list(client.leases_service.list()) == []

    registry.blobs, registry.script = whole, lambda _: None
    client.pull(NAME, platform="linux/amd64", unpack=False, resolver=resolver(registry))
    assert set(whole.blobs) <= {info.digest for info in client.content_store.list()}


def test_a_redirect_is_not_read(client: Client, registry: Scripted) -> None:
    with Scripted(blobs=registry.blobs) as other:
        registry.script = lambda request: Answer(
            307, {"Location": f"http://{other.host}{request.path}"}, endless()
        )
        client.fetch(NAME, resolver=resolver(registry))
    assert set(registry.blobs.blobs) <= {info.digest for info in client.content_store.list()}


OK = b"HTTP/1.1 200 OK\r\n"

WORDS: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "nothing": (lambda: iter(()), "reset by peer|without response|connection"),
    "something else": (lambda: iter([b"SSH-2.0-x\r\n" * 10]), "failed to do request"),
    "nothing in time": (stall, "i/o timeout"),
    "a head that drips": (lambda: itertools.chain([OK, b"X: "], drip()), "i/o timeout"),
    "a line that does not end": (lambda: itertools.chain([OK, b"X: "], endless(b"x" * 65536)), "line"),
    "headers that do not end": (lambda: itertools.chain([OK], endless(b"X: y\r\n" * 1000)), "headers"),
    "a chunk whose size drips": (
        lambda: itertools.chain([OK, b"Transfer-Encoding: chunked\r\n\r\n"], drip()),
        "i/o timeout",
    ),
}


@pytest.mark.parametrize(("words", "text"), WORDS.values(), ids=WORDS)
def test_no_http(words: Callable[[], Iterator[bytes]], text: str) -> None:
    begun = time.monotonic()
    with saying(words) as host, pytest.raises(Error, match=text):
        Resolver(mirrors={"docker.io": f"http://{host}"}, timeout=TIMEOUT).resolve(NAME)
    assert time.monotonic() - begun < GUARD


@contextmanager
def saying(words: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    """A server that says these words to everybody, whatever they say."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            with suppress(ConnectionError):
                for word in words():
                    self.wfile.write(word)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield "{}:{}".format(*server.server_address)
        finally:
            server.shutdown()
