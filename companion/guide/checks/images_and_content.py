"""Chapter 7, images and content: what its exercises are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPResponse
from io import BytesIO
from pathlib import Path
from typing import Any, cast
from urllib.request import ProxyHandler, Request, build_opener

from companion.client import Client, namespace
from companion.core import content, digests, manifests, media_types
from companion.core.blobs import read_blob, write_blob
from companion.core.content import Descriptor, Store
from companion.core.errors import NotFound
from companion.core.leases import Lease
from companion.core.platforms import Matcher, Platform
from companion.guide import registry
from companion.guide.checks.judging import NotYet, expect, judged
from companion.guide.image import ARCHITECTURES, NAME, Blobs
from companion.guide.registry import Answer, Registry
from companion.plugin import CONTENT

Index = Mapping[str, Any]
Wanted = Sequence[tuple[str, str, str]]
Ask = Callable[[int], HTTPResponse]

_PLACES = ("exercise", "exercise-elsewhere")
_LAYER = media_types.OCI_GZIP_LAYER
_OCI = (media_types.OCI_INDEX, media_types.OCI_MANIFEST, media_types.OCI_CONFIG, _LAYER)
_DOCKER = (
    media_types.DOCKER_INDEX,
    media_types.DOCKER_MANIFEST,
    media_types.DOCKER_CONFIG,
    media_types.DOCKER_GZIP_LAYER,
)
_CUT, _LONG, _TRIES, _TOO_OFTEN = 3000, 40_000, 3, 100


@judged
def prediction(client: Client, predicted: Sequence[int] | None) -> str:
    """Pull as the exercise says, and hold the requests against the prediction."""
    if not isinstance(predicted, Sequence) or len(predicted) != 3:
        raise NotYet(f"prediction is {predicted!r}, expected three numbers: for (a), (b) and (c)")
    with _places(client), Registry(_image(*_OCI)) as served:
        _requests(client, served, "amd64", _PLACES[0])
        pulls = {
            "a": _requests(client, served, "amd64", _PLACES[0]),
            "b": _requests(client, served, "amd64", _PLACES[1]),
            "c": _requests(client, served, "arm64", _PLACES[0]),
        }
    for said, (letter, requests) in zip(predicted, pulls.items(), strict=True):
        if said != len(requests):
            told = ", ".join(sorted(request.method for request in requests))
            raise NotYet(f"({letter}): you said {said}, the registry got {len(requests)}: {told}")
    return "right: a name is asked for every time, and of the rest only what the daemon does not have"


@judged
def damaged(client: Client, finding: Callable[[Store], Iterable[str]]) -> str:
    """Damage blobs on the disk, and see whether the reader finds them."""
    store = client.content_store
    with _places(client):
        written = [_put(store, f"blob {number}".encode()).digest for number in range(4)]
        expect("damaged blobs in a store without any", [], _sorted(finding(store)))
        broken = sorted(written[1:3])
        for digest in broken:
            _damage(client, digest)
        expect("damaged blobs", broken, _sorted(finding(store)))
    return f"right: {len(broken)} of {len(written)} blobs are not what their names say"


@judged
def children(client: Client, finding: Callable[[Store, Descriptor], Sequence[str]]) -> str:
    """Hold what the reader says of every part of three images against the finished code."""
    store, seen = client.content_store, 0
    with _places(client):
        for kinds in (_OCI, _DOCKER):
            for digest, (media_type, data) in _image(*kinds).blobs.items():
                blob = Descriptor(media_type, digest, len(data))
                _put(store, data)
                expected = [each.digest for each in manifests.children(store, blob)]
                expect(f"children of a blob of {media_type}", expected, _listed(finding(store, blob)))
                seen += 1
        misleading = replace(_put(store, b'{"manifests": [{"digest": "no"}]}'), media_type=_LAYER)
        expect("children of a layer that looks like an index", [], _listed(finding(store, misleading)))
    return f"right: the children of {seen + 1} blobs"


@judged
def best(choosing: Callable[[Index, Wanted], str | None]) -> str:
    """Let the reader choose from indexes, and hold the choice against that of the finished code."""
    arm = [("linux", "arm", f"v{version}") for version in (7, 6, 5)]
    cases: list[tuple[str, list[str], Wanted]] = [
        ("the best is not the first", ["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], arm),
        ("the best is not there", ["linux/amd64", "linux/arm/v5", "linux/arm/v6"], arm),
        ("the system differs", ["windows/amd64", "linux/amd64"], [("linux", "amd64", "")]),
        ("nothing fits", ["linux/s390x", "unknown/unknown"], arm),
        ("one has no platform", ["", "linux/arm/v5"], arm),
        ("only one has no platform", ["linux/amd64", ""], arm),
    ]
    for what, platforms, wanted in cases:
        index = {"manifests": [_listing(platform) for platform in platforms]}
        expected, chosen = _finished_choice(platforms, wanted), choosing(index, wanted)
        expect(f"{what}: of {platforms}", expected, _names(index).get(chosen, chosen))
    return f"right: the best of each of {len(cases)} indexes"


@judged
def patient_fetch(client: Client, fetching: Callable[[Store, Descriptor, Ask], object]) -> str:
    """Let the reader fetch from a registry that cuts every connection, and from one that sends nothing."""
    with _places(client), _Flaky() as served:
        store = _Counting(client.content_store)
        _expect_patience(served, lambda: fetching(cast(Store, store), served.blob, served.ask))
        expect("bytes in the store", _LONG, _size(client.content_store, served.blob.digest))
        expect("writers", 1, store.writers)
        expect("bytes sent by the registry", _LONG, served.sent)
    with _places(client), _Flaky(silent_after=_CUT) as served:
        _expect_giving_up(client, served, fetching)
        left = [status.offset for status in client.content_store.list_statuses()]
        expect("bytes of the ingest that is left", [_CUT], left)
    connections = -(-_LONG // _CUT)
    return f"right: {connections} connections, no byte twice; and an end when {_TRIES} in a row bring nothing"


@contextmanager
def _places(client: Client) -> Iterator[None]:
    """Empty namespaces for the block, left empty after it; the block is in the first."""
    with namespace(_PLACES[0]):
        _empty(client)
        try:
            yield
        finally:
            _empty(client)


def _empty(client: Client) -> None:
    """Bytes that another namespace has are there at once, so that they have to go as well."""
    for place in _PLACES:
        with namespace(place):
            for image in client.image_service.list():
                client.image_service.delete(image.name)
            for info in client.content_store.list():
                client.content_store.delete(info.digest)
            for status in client.content_store.list_statuses():
                client.content_store.abort(status.ref)
            client.leases_service.delete(client.leases_service.create(Lease()), sync=True)


def _image(index: str, manifest: str, config: str, layer: str) -> Blobs:
    """Return an image of the shape of the guide's, of lines of text, with these media types."""
    built = Blobs()
    listed = []
    for architecture in ARCHITECTURES:
        platform = {"os": "linux", "architecture": architecture}
        parts = [built.add(layer, text.encode()) for text in (f"base for {architecture}", "user", "tidy")]
        told = {"schemaVersion": 2, "mediaType": manifest, "layers": parts}
        listed.append(
            built.add_json(manifest, config=built.add_json(config, **platform), **told)
            | {"platform": platform}
        )
    built.target = built.add_json(index, schemaVersion=2, mediaType=index, manifests=listed)["digest"]
    return built


def _requests(client: Client, served: Registry, architecture: str, place: str) -> Sequence[registry.Request]:
    before = len(served.requests)
    with namespace(place):
        client.pull(NAME, platform=f"linux/{architecture}", unpack=False, resolver=served.resolver())
    return served.requests[before:]


def _put(store: Store, data: bytes) -> Descriptor:
    digest = digests.from_bytes(data)
    write_blob(store, digest, BytesIO(data))
    return Descriptor("", digest, len(data))


def _damage(client: Client, digest: str) -> None:
    """Let the disk fail: another first byte."""
    [plugin] = client.introspection_service.plugins(f"type=={CONTENT}")
    path = Path(plugin.exports["root"], "blobs", digest.replace(":", "/"))
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(b"B" + data[1:])


def _sorted(answer: Iterable[str] | None) -> object:
    return answer if answer is None else sorted(answer)


def _listed(answer: Sequence[str] | None) -> object:
    return answer if answer is None else list(answer)


def _listing(platform: str) -> dict[str, Any]:
    """What an index says of a manifest for a platform; without one it says nothing of it."""
    told: dict[str, Any] = {"digest": digests.from_bytes(platform.encode())}
    if platform:
        told["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    return told


def _names(index: Index) -> dict[str | None, str]:
    """The platforms of an index by the digests of their manifests, so that answers can be read."""
    return {each["digest"]: "/".join(each.get("platform", {}).values()) for each in index["manifests"]}


def _finished_choice(platforms: Sequence[str], wanted: Wanted) -> str | None:
    told = [Platform(*name.split("/")) if name else None for name in platforms]
    matcher = Matcher(tuple(Platform(*each) for each in wanted))
    fits = manifests.matching(
        [Descriptor(digest=name, platform=each) for name, each in zip(platforms, told, strict=True)], matcher
    )
    return fits[0].digest if fits else None


class _Flaky(Registry):
    """Cuts every connection; after `silent_after` bytes none brings any more."""

    def __init__(self, silent_after: int = 1 << 30) -> None:
        data = b"".join(f"line {number:05}\n".encode() for number in range(_LONG))[:_LONG]
        blobs = Blobs()
        told = blobs.add(_LAYER, data)
        self.blob = Descriptor(_LAYER, told["digest"], told["size"])
        self.sent, self._silent_after = 0, silent_after
        super().__init__(blobs)

    def ask(self, offset: int) -> HTTPResponse:
        """Open the rest of the blob. Raises `NotYet` for a reader who would never end."""
        if len(self.requests) == _TOO_OFTEN:
            raise NotYet(f"{_TOO_OFTEN} connections, and the fetch has not ended")
        url = f"http://{self.host}/v2/library/debian/blobs/{self.blob.digest}"
        request = Request(url, headers={"Range": f"bytes={offset}-"})
        return cast(HTTPResponse, build_opener(ProxyHandler({})).open(request))

    def answer(self, request: registry.Request) -> Answer:
        answer = super().answer(request)
        return replace(answer, body=self._part(b"".join(answer.body)))

    def _part(self, data: bytes) -> Iterator[bytes]:
        part = data[: min(_CUT, max(0, self._silent_after - self.sent))]
        self.sent += len(part)
        yield part
        if len(part) < len(data):
            raise ConnectionAbortedError


class _Counting:
    """A store that counts its writers."""

    def __init__(self, store: Store) -> None:
        self._store, self.writers = store, 0

    def writer(self, ref: str, total: int = 0, expected: str = "") -> content.Writer:
        self.writers += 1
        return self._store.writer(ref, total, expected)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _size(store: Store, digest: str) -> int | None:
    try:
        return len(read_blob(store, digest))
    except NotFound:
        return None


def _expect_patience(served: _Flaky, fetching: Callable[[], object]) -> None:
    try:
        fetching()
    except ConnectionError:
        requests = len(served.requests)
        raise NotYet(f"you gave up when bytes were still coming; connections: {requests}") from None


def _expect_giving_up(
    client: Client, served: _Flaky, fetching: Callable[[Store, Descriptor, Ask], object]
) -> None:
    try:
        fetching(client.content_store, served.blob, served.ask)
    except ConnectionError:
        expect("connections that brought nothing, before the error", _TRIES, len(served.requests) - 1)
    else:
        raise NotYet("the registry sends nothing any more: expected ConnectionError, but nothing was raised")
