"""Layers that are elsewhere, for a client that has said that it follows their URLs."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from companion.client.remotes import RegistryError, Resolver
from companion.core.content import Descriptor
from companion.core.errors import NotFound
from companion.guide.registry import Request
from tests.registries import Scripted, challenge, on, simple, status

DATA = b"layer"
DIGEST = f"sha256:{sha256(DATA).hexdigest()}"


@pytest.fixture
def registry() -> Iterator[Scripted]:
    """A registry that wants a password and has the layer, too."""
    with Scripted(blobs=simple([DATA])) as registry:
        registry.script = lambda request: None if _authorized(request) else challenge("Basic realm=x")
        yield registry


@pytest.fixture
def other() -> Iterator[Scripted]:
    with Scripted() as other:
        yield other


def fetch(registry: Scripted, *urls: str, offset: int = 0) -> bytes:
    """What comes of the layer, from `offset` on."""
    resolver = Resolver(credentials={registry.host: ("u", "p")}, foreign_urls=True)
    descriptor = Descriptor("application/vnd.oci.image.layer.v1.tar", DIGEST, len(DATA), urls=urls)
    with (
        resolver.fetcher(f"{registry.host}/library/debian:latest") as fetcher,
        fetcher.fetch(descriptor, offset) as blob,
    ):
        return blob.read(len(DATA))


def _authorized(request: Request) -> bool:
    return "Authorization" in request.headers


def test_they_are_asked_first_and_without_credentials(registry: Scripted, other: Scripted) -> None:
    other.script = on("GET /x", status(200, body=DATA))
    fetch(registry)
    registry.requests.clear()
    assert fetch(registry, f"http://{other.host}/x") == DATA
    assert list(map(_authorized, other.requests)) == [False]
    assert registry.requests == []


def test_one_that_asks_for_credentials_gets_none(registry: Scripted, other: Scripted) -> None:
    other.script = lambda _: challenge("Basic realm=x")
    with pytest.raises(RegistryError, match=r"/x: 401 Unauthorized$"):
        fetch(registry, f"http://{other.host}/x")
    assert list(map(_authorized, other.requests)) == [False]


def test_the_rest_is_asked_for(registry: Scripted, other: Scripted) -> None:
    other.script = on("GET /x", status(206, {"Content-Range": "bytes 2-4/5"}, body=DATA[2:]))
    assert fetch(registry, f"http://{other.host}/x", offset=2) == DATA[2:]
    assert [request.headers["Range"] for request in other.requests] == ["bytes=2-"]


def test_the_next_one_is_asked_where_one_has_nothing(registry: Scripted, other: Scripted) -> None:
    other.script = on("GET /there", status(200, body=DATA))
    urls = ("ftp://other/x", "http://[", f"http://{other.host}/gone", f"http://{other.host}/there")
    assert fetch(registry, *urls) == DATA
    assert list(map(str, other.requests)) == ["GET /gone", "GET /there"]


def test_the_registry_is_asked_where_none_has_it(registry: Scripted, other: Scripted) -> None:
    other.script = lambda _: status(404)
    assert fetch(registry, f"http://{other.host}/gone") == DATA


def test_no_host_at_all_has_it(registry: Scripted, other: Scripted) -> None:
    other.script = registry.script = lambda _: status(404)
    with pytest.raises(NotFound, match=r"could not fetch content descriptor .* from remote: not found$"):
        fetch(registry, f"http://{other.host}/gone")
