"""Images over connections that are cut: what is asked for again, and what is not."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from companion.client import Client
from companion.core.blobs import read_blob
from companion.core.content import CHUNK
from companion.core.errors import Error
from companion.guide.image import NAME
from companion.guide.registry import Answer, Request
from tests.registries import Scripted, cut, on, serving, simple, status
from tests.unit.client.fetching import refusal


class TestCut:
    """Connections that end before the body does."""

    DATA = os.urandom(3 * CHUNK + 5)

    @pytest.fixture(autouse=True)
    def blobs(self, registry: Scripted) -> None:
        serving(registry, simple([self.DATA]))

    def layer(self, client: Client) -> bytes:
        (blob,) = (info for info in client.content_store.list() if info.size == len(self.DATA))
        return read_blob(client.content_store, blob.digest)

    def cutting(self, after: int, times: int = 1) -> Callable[[Request], Answer | None]:
        """Cut connections after so many bytes of a layer."""
        left = [times]

        def script(request: Request) -> Answer | None:
            begin = int(request.headers.get("Range", "bytes=0-")[6:-1])
            if not left[0]:
                return None
            left[0] -= 1
            whole = {"Content-Length": str(len(self.DATA) - begin)}
            if begin:
                whole["Content-Range"] = f"bytes {begin}-{len(self.DATA) - 1}/{len(self.DATA)}"
            return Answer(206 if begin else 200, whole, cut(self.DATA[begin : begin + after]))

        return script

    def layers(self, registry: Scripted, script: Callable[[Request], Answer | None]) -> None:
        digest = next(each for each in registry.blobs.blobs if registry.kind(each) == "layer")
        registry.script = on(f"GET .*{digest}.*", script)

    def test_the_rest_is_asked_for(self, client: Client, registry: Scripted) -> None:
        self.layers(registry, self.cutting(CHUNK + 7))
        client.fetch(NAME, resolver=registry.resolver())
        assert self.layer(client) == self.DATA
        ranges = [request.headers.get("Range") for request in registry.requests]
        assert f"bytes={CHUNK + 7}-" in ranges

    def test_as_often_as_something_comes(self, client: Client, registry: Scripted) -> None:
        self.layers(registry, self.cutting(CHUNK // 4, times=10))
        client.fetch(NAME, resolver=registry.resolver())
        assert self.layer(client) == self.DATA

    def test_nothing_comes_any_more(self, client: Client, registry: Scripted) -> None:
        self.layers(registry, self.cutting(0, times=1000))
        assert refusal(client, registry) == "failed to read expected number of bytes: unexpected EOF"
        assert registry.asked.count("GET /v2/library/debian/blobs/layer") == 4

    def test_a_second_try_asks_for_what_is_missing(self, client: Client, registry: Scripted) -> None:
        with client.with_lease():
            registry.break_after(2 * CHUNK)
            with pytest.raises(Error):
                client.fetch(NAME, resolver=registry.resolver())
            registry.repair()
            registry.requests.clear()
            client.fetch(NAME, resolver=registry.resolver())
        assert self.layer(client) == self.DATA
        (begin,) = (request.headers["Range"] for request in registry.requests if "Range" in request.headers)
        assert int(begin[6:-1]) >= CHUNK

    def test_a_registry_may_not_know_ranges(self, client: Client, registry: Scripted) -> None:
        answer = self.cutting(CHUNK)
        whole = Answer(200, {"Content-Length": str(len(self.DATA))}, [self.DATA])
        self.layers(registry, lambda request: answer(request) or whole)
        client.fetch(NAME, resolver=registry.resolver())
        assert self.layer(client) == self.DATA

    def test_a_registry_answers_with_another_range(self, client: Client, registry: Scripted) -> None:
        answer = self.cutting(CHUNK)
        wrong = status(206, {"Content-Range": "bytes 5-6/7"}, b"xx")
        self.layers(registry, lambda request: answer(request) or wrong)
        assert refusal(client, registry) == (
            "failed to copy: httpReadSeeker: failed open: unhandled content range in response: bytes 5-6/7"
        )

    def test_what_is_left_of_a_wrong_try_is_thrown_away(self, client: Client, registry: Scripted) -> None:
        """A half of other bytes must not keep the image from ever being complete."""
        digest = next(each for each in registry.blobs.blobs if registry.kind(each) == "layer")
        with client.with_lease():
            with client.content_store.writer(f"layer-{digest}", len(self.DATA), digest) as writer:
                writer.write(bytes(CHUNK))
            client.fetch(NAME, resolver=registry.resolver())
        assert self.layer(client) == self.DATA

    def test_a_complete_ingest_is_only_committed(self, client: Client, registry: Scripted) -> None:
        digest = next(each for each in registry.blobs.blobs if registry.kind(each) == "layer")
        with client.with_lease():
            with client.content_store.writer(f"layer-{digest}", len(self.DATA), digest) as writer:
                writer.write(self.DATA)
            client.fetch(NAME, resolver=registry.resolver())
        assert "GET /v2/library/debian/blobs/layer" not in registry.asked
