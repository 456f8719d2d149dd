"""What a resolver asks of a registry, and what it makes of the answers."""

from __future__ import annotations

import pytest

from companion.client.remotes import RegistryError, Resolver
from companion.core.errors import NotFound
from companion.guide.registry import Answer
from tests.registries import Scripted, challenge, on, status
from tests.unit.client.resolving import GET, HEAD, basic, descriptor, ref, refusal

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def test_one_request_finds_a_tag(registry: Scripted) -> None:
    assert Resolver().resolve(ref(registry)) == descriptor(registry)
    (request,) = registry.requests
    assert str(request) == HEAD
    assert request.headers["Accept"] == (
        "application/vnd.docker.distribution.manifest.v2+json,"
        " application/vnd.docker.distribution.manifest.list.v2+json,"
        " application/vnd.oci.image.manifest.v1+json,"
        " application/vnd.oci.image.index.v1+json, */*"
    )
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("tag", ["", ":latest", ":nosuch"])
def test_a_digest_goes_before_a_tag(registry: Scripted, tag: str) -> None:
    target = registry.blobs.target
    assert Resolver().resolve(ref(registry, f"{tag}@{target}")) == descriptor(registry)
    assert list(map(str, registry.requests)) == [f"HEAD /v2/library/debian/manifests/{target}"]


def test_a_digest_may_be_that_of_a_blob(registry: Scripted) -> None:
    digest = next(each for each in registry.blobs.blobs if registry.kind(each) == "layer")
    registry.script = on("HEAD .*/manifests/.*", status(404))
    assert Resolver().resolve(ref(registry, f"@{digest}")).digest == digest
    assert registry.asked == [
        "HEAD /v2/library/debian/manifests/layer",
        "HEAD /v2/library/debian/blobs/layer",
    ]


def test_a_reference_that_is_none_asks_nobody(registry: Scripted) -> None:
    assert refusal(registry, object="") == "object required"
    assert refusal(registry, object="@sha256:0") == "invalid checksum digest length"
    assert registry.requests == []


def test_who_gives_a_short_name_is_told_what_a_full_one_is() -> None:
    with pytest.raises(RegistryError, match="object required") as caught:
        Resolver().resolve("debian")
    assert "docker.io/library/debian:latest" in caught.value.__notes__[0]


def test_a_full_name_has_no_such_note(registry: Scripted) -> None:
    with pytest.raises(NotFound) as caught:
        Resolver().resolve(ref(registry, ":nosuch"))
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize(
    "headers", [{"Docker-Content-Digest": ""}, {"Content-Length": ""}], ids=["digest", "length"]
)
def test_what_the_headers_lack_is_counted(registry: Scripted, headers: dict[str, str]) -> None:
    media_type, data = registry.blobs.blobs[registry.blobs.target]
    told = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Content-Length": str(len(data)),
        "Docker-Content-Digest": registry.blobs.target,
    } | headers
    registry.script = on("HEAD .*", Answer(200, {key: value for key, value in told.items() if value}))
    assert Resolver().resolve(ref(registry)) == descriptor(registry)
    assert list(map(str, registry.requests)) == [HEAD, GET]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (status(404), "{ref}: not found"),
        (
            status(500),
            "pulling from host {host} failed with status code [manifests latest]: 500 Internal Server Error",
        ),
        (status(403), "pulling from host {host} failed with status code [manifests latest]: 403 Forbidden"),
        (
            status(401),
            "pulling from host {host} failed with status code [manifests latest]: 401 Unauthorized",
        ),
        (
            challenge("Basic realm=x"),
            "pulling from host {host} failed with status code [manifests latest]: 401 Unauthorized",
        ),
        (
            challenge("Digest realm=x"),
            "pulling from host {host} failed with status code [manifests latest]: 401 Unauthorized",
        ),
        (challenge("Bearer"), "no realm specified for token auth challenge"),
        (challenge('Bearer realm="http://[x/"'), "invalid token auth challenge realm: http://[x/"),
        (challenge('Bearer realm="file:///x"'), "invalid token auth challenge realm: file:///x"),
        (
            status(200, {"Docker-Content-Digest": f"sha256:{'0' * 64}", "Content-Length": "4393217"}),
            "rejecting 4393217 byte manifest for {ref}: not found",
        ),
        (
            status(200, {"Docker-Content-Digest": "x"}, b"1"),
            '"x" in header not a valid digest: invalid checksum digest format',
        ),
        (
            status(302, {"Location": "http://[x/"}),
            'failed to do request: Head "http://{host}/v2/library/debian/manifests/latest": Invalid IPv6 URL',
        ),
        (
            status(302, {"Location": "/v2/library/debian/manifests/latest"}),
            'failed to do request: Head "/v2/library/debian/manifests/latest": stopped after 10 redirects',
        ),
    ],
)
def test_refused(registry: Scripted, answer: Answer, text: str) -> None:
    registry.script = lambda _: answer
    assert refusal(registry) == text.format(ref=ref(registry), host=registry.host)


def test_nobody_listens(registry: Scripted) -> None:
    with Scripted() as gone:
        pass
    assert refusal(gone) == (
        f'failed to do request: Head "http://{gone.host}/v2/library/debian/manifests/latest":'
        " connection refused"
    )


def test_a_registry_that_does_not_know_head(registry: Scripted) -> None:
    registry.script = on("HEAD .*", status(405))
    assert Resolver().resolve(ref(registry)) == descriptor(registry)
    assert list(map(str, registry.requests)) == [HEAD, GET]


@pytest.mark.parametrize("code", [408, 429])
def test_a_registry_that_is_busy_is_asked_again(registry: Scripted, code: int) -> None:
    registry.script = lambda _: status(code) if len(registry.requests) < 3 else None
    assert Resolver().resolve(ref(registry)) == descriptor(registry)
    assert list(map(str, registry.requests)) == [HEAD] * 3


def test_a_registry_that_stays_busy_is_asked_six_times(registry: Scripted) -> None:
    registry.script = lambda _: status(429)
    assert "429 Too Many Requests" in refusal(registry)
    assert len(registry.requests) == 6


class TestMirrors:
    """Hosts that are asked in place of a registry."""

    NAME = "docker.io/library/debian:latest"

    def test_it_is_told_whom_it_stands_for(self, registry: Scripted) -> None:
        resolver = Resolver(mirrors={"docker.io": f"http://{registry.host}/prefix"})
        assert resolver.resolve(self.NAME) == descriptor(registry)
        assert [request.path for request in registry.requests] == [
            "/prefix/v2/library/debian/manifests/latest?ns=docker.io"
        ]

    def test_the_next_one_is_asked_where_one_has_nothing(self, registry: Scripted, other: Scripted) -> None:
        registry.script = lambda _: status(404)
        resolver = Resolver(mirrors={"docker.io": [f"http://{registry.host}", f"http://{other.host}"]})
        assert resolver.resolve(self.NAME) == descriptor(other)
        assert len(registry.requests) == 1

    def test_the_first_failure_is_told(self, registry: Scripted, other: Scripted) -> None:
        registry.script = lambda _: status(500)
        other.script = lambda _: status(404)
        resolver = Resolver(mirrors={"docker.io": [f"http://{registry.host}", f"http://{other.host}"]})
        with pytest.raises(RegistryError, match=f"pulling from host {registry.host} failed .* 500"):
            resolver.resolve(self.NAME)

    def test_it_has_credentials_of_its_own(self, registry: Scripted) -> None:
        registry.script = lambda request: (
            None if "Authorization" in request.headers else challenge("Basic realm=x")
        )
        for host, sent in (("docker.io", None), (registry.host, basic("u", "p"))):
            registry.requests.clear()
            mirrors = {"docker.io": f"http://{registry.host}"}
            resolver = Resolver(mirrors=mirrors, credentials={host: ("u", "p")})
            if sent:
                resolver.resolve(self.NAME)
            else:
                with pytest.raises(RegistryError):
                    resolver.resolve(self.NAME)
            assert registry.requests[-1].headers.get("Authorization") == sent

    @pytest.mark.parametrize("url", ["127.0.0.1:5000", "file:///x", "http://", ""])
    def test_it_is_a_url(self, url: str) -> None:
        with pytest.raises(ValueError, match="a mirror is named by its URL"):
            Resolver(mirrors={"docker.io": url})
