"""Images from a registry into a content store: what is asked, what is written, what is refused."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from companion.client import Client, namespace
from companion.client.remotes import RegistryError, Resolver
from companion.client.remotes.handlers import make_ref_key
from companion.core import media_types
from companion.core.blobs import read_blob
from companion.core.content import CHUNK, Descriptor
from companion.core.errors import NotFound
from companion.core.platforms import Platform, only, parse
from companion.daemon import Daemon
from companion.guide.image import NAME, Blobs
from companion.guide.registry import Answer
from tests.registries import Scripted, on, serving, simple, status
from tests.unit.client.fetching import refusal

LAYER = f"{media_types.OCI_LAYER}+gzip"


def labels(client: Client, registry: Scripted) -> dict[str, list[dict[str, str]]]:
    """By kind, the labels of all blobs, and the kind of what they name."""
    found: dict[str, list[dict[str, str]]] = {}
    for info in client.content_store.list():
        named = {key: registry.kind(value) if ":" in value else value for key, value in info.labels.items()}
        found.setdefault(registry.kind(info.digest), []).append(named)
    return found


def test_one_platform(client: Client, registry: Scripted) -> None:
    record = client.fetch(NAME, platforms=["linux/arm64"], resolver=registry.resolver())
    assert record == client.image_service.get(NAME)
    assert (record.target.media_type, record.target.digest) == (media_types.OCI_INDEX, registry.blobs.target)
    assert registry.asked[:3] == [
        "HEAD /v2/library/debian/manifests/latest",
        "GET /v2/library/debian/manifests/index",
        "GET /v2/library/debian/manifests/manifest",
    ]
    assert sorted(registry.asked[3:]) == [
        "GET /v2/library/debian/blobs/config",
        *["GET /v2/library/debian/blobs/layer"] * 3,
    ]
    for info in client.content_store.list():
        assert read_blob(client.content_store, info.digest) == registry.blobs.blobs[info.digest][1]
    assert list(client.content_store.list_statuses()) == []
    assert list(client.leases_service.list()) == []


def test_all_platforms(client: Client, registry: Scripted) -> None:
    client.fetch(NAME, resolver=registry.resolver())
    assert {info.digest for info in client.content_store.list()} == set(registry.blobs.blobs)


def test_labels_say_what_holds_what_and_where_it_came_from(client: Client, registry: Scripted) -> None:
    client.fetch(NAME, platforms=["linux/amd64"], resolver=registry.resolver())
    source = {"containerd.io/distribution.source.docker.io": "library/debian"}
    held = "containerd.io/gc.ref.content"
    assert labels(client, registry) == {
        "index": [source | {f"{held}.m.0": "manifest", f"{held}.m.1": "manifest"}],
        "manifest": [source | {f"{held}.config": "config"} | {f"{held}.l.{n}": "layer" for n in range(3)}],
        "config": [source],
        "layer": [source] * 3,
    }


def test_every_repository_is_told(client: Client, registry: Scripted) -> None:
    for repository in ("b/c", "a", "b/c"):
        client.fetch(f"{registry.host}/{repository}:latest")
    source = "containerd.io/distribution.source.127.0.0.1"
    assert {info.labels[source] for info in client.content_store.list()} == {"a,b/c"}


def test_a_list_of_repositories_that_is_too_long_for_a_label_stays_as_it_was(
    client: Client, registry: Scripted
) -> None:
    client.fetch(f"{registry.host}/a:latest")
    client.fetch(f"{registry.host}/{'b' * 4096}:latest")
    source = "containerd.io/distribution.source.127.0.0.1"
    assert {info.labels[source] for info in client.content_store.list()} == {"a"}


def test_what_is_there_is_not_asked_for(client: Client, registry: Scripted) -> None:
    first = client.fetch(NAME, resolver=registry.resolver())
    registry.requests.clear()
    second = client.fetch(NAME, labels={"a": "1"}, resolver=registry.resolver())
    assert registry.asked == ["HEAD /v2/library/debian/manifests/latest"]
    assert (second.created_at, second.labels) == (first.created_at, {"a": "1"})


def test_a_digest_is_a_name_too(client: Client, registry: Scripted) -> None:
    ref = f"docker.io/library/debian@{registry.blobs.target}"
    assert client.fetch(ref, resolver=registry.resolver()).name == ref


def test_it_works_in_the_namespace_of_the_context(client: Client, registry: Scripted) -> None:
    with namespace("other"):
        client.fetch(NAME, resolver=registry.resolver())
        assert len(client.content_store.list()) == len(registry.blobs.blobs)
    assert list(client.content_store.list()) == []


def test_a_layer_that_stands_twice_is_fetched_once(client: Client, registry: Scripted) -> None:
    serving(registry, simple([b"same", b"other", b"same"]))
    client.fetch(NAME, resolver=registry.resolver())
    assert registry.asked.count("GET /v2/library/debian/blobs/layer") == 2


def test_many_may_fetch_at_once(client: Client, registry: Scripted) -> None:
    serving(registry, simple([os.urandom(4 * CHUNK)]))
    with ThreadPoolExecutor(4) as pool:
        fetches = [pool.submit(client.fetch, NAME, resolver=registry.resolver()) for _ in range(4)]
        assert {fetch.result().target.digest for fetch in fetches} == {registry.blobs.target}
    assert {info.digest for info in client.content_store.list()} == set(registry.blobs.blobs)
    assert list(client.content_store.list_statuses()) == []


@pytest.mark.parametrize(
    ("pattern", "answer", "text"),
    [
        (
            "GET .*/blobs/LAYER.*",
            status(404),
            "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor LAYER"
            f" ({LAYER}) from remote: not found",
        ),
        (
            "GET .*/manifests/TARGET.*",
            status(404),
            "failed to copy: httpReadSeeker: failed open: content at"
            " http://HOST/v2/library/debian/manifests/TARGET?ns=docker.io not found: not found",
        ),
        (
            "GET .*/blobs/LAYER.*",
            status(403, body=b'{"errors":[{"code":"DENIED","message":"no no"}]}'),
            "failed to copy: httpReadSeeker: failed open: unexpected status code"
            " http://HOST/v2/library/debian/blobs/LAYER?ns=docker.io: 403 Forbidden"
            " - Server message: denied: no no",
        ),
        (
            "GET .*/blobs/LAYER.*",
            status(500, body=b'{"errors":[{"code":"A"},{"code":"DENIED","message":"b"}]}'),
            "failed to copy: httpReadSeeker: failed open: unexpected status code"
            " http://HOST/v2/library/debian/blobs/LAYER?ns=docker.io: 500 Internal Server Error"
            " - Server message: errors:\nunknown\ndenied: b\n",
        ),
        (
            "GET .*/blobs/LAYER.*",
            status(500, body=b'{"errors":[{"code":["x"]}]}'),
            "failed to copy: httpReadSeeker: failed open: unexpected status code"
            " http://HOST/v2/library/debian/blobs/LAYER?ns=docker.io: 500 Internal Server Error",
        ),
        (
            "GET .*/blobs/LAYER.*",
            status(200, body=b"lay"),
            "failed to read expected number of bytes: unexpected EOF",
        ),
        (
            "GET .*/blobs/LAYER.*",
            status(200, body=b"wrong"),
            'failed commit on ref "layer-LAYER": commit failed: unexpected commit digest'
            " sha256:8810ad581e59f2bc3928b261707a71308f7e139eb04820366dc4d5c18d980225, expected LAYER:"
            " failed precondition",
        ),
    ],
)
def test_refused(client: Client, registry: Scripted, pattern: str, answer: Answer, text: str) -> None:
    blobs = serving(registry, simple()).blobs.blobs
    layer = next(digest for digest in blobs if registry.kind(digest) == "layer")

    def filled(template: str) -> str:
        named = {"LAYER": layer, "TARGET": registry.blobs.target, "HOST": registry.host}
        for word, meaning in named.items():
            template = template.replace(word, meaning)
        return template

    registry.script = on(filled(pattern), answer)
    assert refusal(client, registry) == filled(text)
    registry.script = lambda _: None
    client.fetch(NAME, resolver=registry.resolver())
    assert {info.digest for info in client.content_store.list()} == set(blobs)


def with_layer(**changes: Any) -> Blobs:
    """An image whose manifest tells something else of its layer."""
    blobs = simple()
    layer = {"mediaType": LAYER, "digest": f"sha256:{'0' * 64}", "size": 5} | changes
    config = next(digest for digest, (media_type, _) in blobs.blobs.items() if "config" in media_type)
    told = {"mediaType": media_types.OCI_CONFIG, "digest": config, "size": len(blobs.blobs[config][1])}
    manifest = blobs.add_json(media_types.OCI_MANIFEST, schemaVersion=2, config=told, layers=[layer])
    blobs.target = manifest["digest"]
    return blobs


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"digest": "sha256:../../x"}, "invalid checksum digest length"),
        ({"digest": ""}, "invalid checksum digest format"),
        (
            {"size": 0},
            f"unable to fetch descriptor (sha256:{'0' * 64}) which reports content size of zero:"
            " invalid argument",
        ),
        (
            {"size": -1},
            f"unable to fetch descriptor (sha256:{'0' * 64}) which reports content size of zero:"
            " invalid argument",
        ),
        (
            {"mediaType": media_types.OCI_CONFIG, "size": 1 << 23},
            f"rejecting 8388608 byte manifest for sha256:{'0' * 64}: not found",
        ),
    ],
)
def test_a_manifest_with(client: Client, registry: Scripted, changes: dict[str, Any], text: str) -> None:
    serving(registry, with_layer(**changes))
    assert refusal(client, registry) == text
    assert list(client.content_store.list_statuses()) == []


def test_what_is_not_wanted_may_be_anything(client: Client, registry: Scripted) -> None:
    blobs = simple()
    good: dict[str, Any] = {"mediaType": media_types.OCI_MANIFEST, "digest": blobs.target}
    good |= {"size": len(blobs.blobs[blobs.target][1]), "platform": {"os": "linux", "architecture": "amd64"}}
    bad: dict[str, Any] = {"mediaType": media_types.OCI_MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 0}
    bad |= {"platform": {"os": "unknown", "architecture": "unknown"}}
    index = blobs.add_json(media_types.OCI_INDEX, schemaVersion=2, manifests=[bad, good])
    blobs.target = index["digest"]
    serving(registry, blobs)
    client.fetch(NAME, platforms=["linux/amd64"], resolver=registry.resolver())


def test_urls_of_a_layer_are_not_followed(client: Client, registry: Scripted) -> None:
    with Scripted() as other:
        serving(registry, with_layer(urls=[f"http://{other.host}/x"]))
        assert refusal(client, registry).endswith("from remote: not found")
        assert other.requests == []


def test_urls_of_a_layer_are_followed_where_asked(client: Client, registry: Scripted) -> None:
    with Scripted(on("GET /x", status(200, body=b"alien"))) as other:
        digest = f"sha256:{sha256(b'alien').hexdigest()}"
        serving(registry, with_layer(digest=digest, urls=[f"http://{other.host}/x"]))
        mirrors = {"docker.io": f"http://{registry.host}"}
        client.fetch(NAME, resolver=Resolver(mirrors=mirrors, foreign_urls=True))
        assert read_blob(client.content_store, digest) == b"alien"


def test_the_oldest_schema_is_refused(client: Client, registry: Scripted) -> None:
    told = {"Content-Type": "text/plain", "Docker-Content-Digest": registry.blobs.target}
    registry.script = on("HEAD .*", status(200, told, b"{}"))
    assert refusal(client, registry) == (
        "application/vnd.docker.distribution.manifest.v1+prettyjws not supported"
    )


def test_an_index_that_stands_in_itself_in_depth(client: Client, registry: Scripted) -> None:
    blobs = simple()
    inner: dict[str, Any] = {
        "mediaType": media_types.OCI_MANIFEST,
        "digest": blobs.target,
        "size": len(blobs.blobs[blobs.target][1]),
    }
    for _ in range(20):
        inner = blobs.add_json(media_types.OCI_INDEX, schemaVersion=2, manifests=[inner])
    blobs.target = inner["digest"]
    serving(registry, blobs)
    assert refusal(client, registry) == (
        f"manifest {blobs.target}: more than 8 indexes in one another: failed precondition"
    )


def test_no_reference_no_lease(client: Client) -> None:
    with pytest.raises(RegistryError, match=r'^failed to resolve reference "debian": object required\n'):
        client.fetch("debian", resolver=Resolver())
    assert list(client.leases_service.list()) == []


def test_no_such_tag(client: Client, registry: Scripted) -> None:
    ref = "docker.io/library/debian:nosuch"
    with pytest.raises(NotFound) as caught:
        client.fetch(ref, resolver=registry.resolver())
    assert str(caught.value) == f'failed to resolve reference "{ref}": {ref}: not found'
    assert registry.asked == ["HEAD /v2/library/debian/manifests/nosuch"]


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        (media_types.OCI_MANIFEST, "manifest"),
        (media_types.DOCKER_INDEX, "index"),
        (media_types.DOCKER_LAYER, "layer"),
        (media_types.OCI_CONFIG, "config"),
        ("x/y", "unknown"),
    ],
)
def test_the_ref_of_an_ingest(media_type: str, kind: str) -> None:
    assert make_ref_key(Descriptor(media_type, "sha256:0")) == f"{kind}-sha256:0"


class TestPull:
    """One platform, and a handle."""

    def test_the_platform_of_the_client(self, daemon: Daemon, registry: Scripted) -> None:
        arm = only(parse("linux/arm64"))
        with Client(daemon.address, default_namespace="test", default_platform=arm) as client:
            image = client.pull(NAME, unpack=False, resolver=registry.resolver())
            assert image.spec().platform == Platform("linux", "arm64")
            assert image.platform == arm

    @pytest.mark.parametrize("architecture", ["amd64", "arm64"])
    def test_a_platform(self, client: Client, registry: Scripted, architecture: str) -> None:
        image = client.pull(
            NAME, unpack=False, platform=f"linux/{architecture}", resolver=registry.resolver()
        )
        assert image.spec().platform == Platform("linux", architecture)
        assert len(client.content_store.list()) == 6
        assert image.metadata == client.image_service.get(NAME)

    def test_no_platform_matches(self, client: Client, registry: Scripted) -> None:
        with pytest.raises(NotFound, match=r"^no match for platform in manifest: not found$"):
            client.pull(NAME, unpack=False, platform="linux/s390x", resolver=registry.resolver())
        assert list(client.image_service.list()) == []
        assert list(client.leases_service.list()) == []

    def test_again_with_labels(self, client: Client, registry: Scripted) -> None:
        client.pull(NAME, unpack=False, labels={"a": "1"}, resolver=registry.resolver())
        image = client.pull(NAME, unpack=False, labels={"b": "2"}, resolver=registry.resolver())
        assert image.labels == client.image_service.get(NAME).labels == {"b": "2"}
