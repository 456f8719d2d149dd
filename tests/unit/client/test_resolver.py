"""What a resolver asks of a registry, and what it makes of the answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from companion.client.remotes import InvalidAuthorization, RegistryError, Resolver
from companion.core.content import Descriptor
from companion.core.errors import NotFound
from companion.guide.registry import Answer, Request
from tests.registries import Scripted, bearer, challenge, document, first_of, on, simple, status

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
HEAD = "HEAD /v2/library/debian/manifests/latest"
GET = "GET /v2/library/debian/manifests/latest"
TOKEN = "GET /token"
ANONYMOUS = {"service": ["svc"], "scope": ["repository:library/debian:pull"]}


@pytest.fixture
def registry() -> Iterator[Scripted]:
    with Scripted(blobs=simple()) as registry:
        yield registry


@pytest.fixture
def other() -> Iterator[Scripted]:
    with Scripted(blobs=simple()) as registry:
        yield registry


def ref(registry: Scripted, object: str = ":latest") -> str:
    return f"{registry.host}/library/debian{object}"


def descriptor(registry: Scripted) -> Descriptor:
    blobs = registry.blobs
    media_type, data = blobs.blobs[blobs.target]
    return Descriptor(media_type, blobs.target, len(data))


def refusal(registry: Scripted, resolver: Resolver | None = None, object: str = ":latest") -> str:
    """What is said of a reference that cannot be resolved."""
    with pytest.raises((NotFound, RegistryError)) as caught:
        (resolver or Resolver()).resolve(ref(registry, object))
    prefix = f'failed to resolve reference "{ref(registry, object)}": '
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


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
    (digest,) = (digest for digest in registry.blobs.blobs if registry.kind(digest) == "layer")
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


class TestTokens:
    """Registries that want to see a token, and where it comes from."""

    @pytest.fixture
    def guarded(self, registry: Scripted) -> Scripted:
        self.tokens = ["t"]
        self.answer: Callable[[Request], Answer] = lambda _: document({"token": self.tokens[-1]})

        def script(request: Request) -> Answer | None:
            if request.path.startswith("/token"):
                return self.answer(request)
            return bearer(lambda: registry.host, self.tokens[-1])(request)

        registry.script = script
        return registry

    def test_anonymous(self, guarded: Scripted) -> None:
        assert Resolver().resolve(ref(guarded)) == descriptor(guarded)
        assert list(map(str, guarded.requests)) == [HEAD, TOKEN, HEAD]
        assert parse_qs(urlsplit(guarded.requests[1].path).query) == ANONYMOUS

    @pytest.mark.parametrize(
        "told", [{"token": "x", "access_token": "t"}, {"access_token": "t"}, {"token": "t"}]
    )
    def test_the_answer_has_it_under_one_of_two_names(self, guarded: Scripted, told: dict[str, str]) -> None:
        self.answer = lambda _: document(told)
        Resolver().resolve(ref(guarded))

    def test_it_is_fetched_once(self, guarded: Scripted) -> None:
        resolver = Resolver()
        resolver.resolve(ref(guarded))
        resolver.resolve(ref(guarded))
        assert list(map(str, guarded.requests)) == [HEAD, TOKEN, HEAD, HEAD]

    def test_one_that_has_run_out_is_fetched_anew(self, guarded: Scripted) -> None:
        resolver = Resolver()
        resolver.resolve(ref(guarded))
        self.tokens.append("u")
        resolver.resolve(ref(guarded))
        assert list(map(str, guarded.requests[3:])) == [HEAD, TOKEN, HEAD]

    def test_the_scopes_of_the_challenge_are_asked_for_too(self, guarded: Scripted) -> None:
        extra = ',scope="repository:library/debian:pull repository:a:pull"'
        guarded.script = first_of(
            bearer(lambda: guarded.host, "t", extra=extra), on("GET /token.*", document({"token": "t"}))
        )
        Resolver().resolve(ref(guarded))
        asked = parse_qs(urlsplit(guarded.requests[1].path).query)
        assert asked["scope"] == ["repository:a:pull", "repository:library/debian:pull"]

    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            (status(403), "unexpected status: 403 Forbidden"),
            (document({}), "authorization server did not include a token in the response"),
            (document([]), "authorization server did not include a token in the response"),
            (document({"token": 1}), "authorization server did not include a token in the response"),
            (status(200, body=b"{"), "unable to decode token response: "),
            (status(200, body=b"[" * 100_000), "unable to decode token response: "),
            (status(200, body=b" " * (1 << 20) + b"{}"), "more than 1048576 bytes from http://"),
        ],
    )
    def test_there_is_none(self, guarded: Scripted, answer: Answer, text: str) -> None:
        self.answer = lambda _: answer
        assert refusal(guarded).startswith(f"failed to authorize: failed to fetch anonymous token: {text}")

    def test_it_is_not_enough(self, guarded: Scripted) -> None:
        guarded.script = first_of(
            on("GET /token.*", document({"token": "t"})),
            bearer(lambda: guarded.host, extra=',error="insufficient_scope"'),
        )
        with pytest.raises(InvalidAuthorization):
            Resolver().resolve(ref(guarded))
        assert list(map(str, guarded.requests)) == [HEAD, TOKEN, HEAD]
        guarded.requests.clear()
        assert refusal(guarded) == (
            "pull access denied, repository does not exist or may require authorization:"
            " server message: insufficient_scope: authorization failed"
        )

    def test_refused_for_ever_it_is_tried_six_times(self, guarded: Scripted) -> None:
        guarded.script = first_of(on("GET /token.*", document({"token": "t"})), bearer(lambda: guarded.host))
        assert refusal(guarded).endswith("[manifests latest]: 401 Unauthorized")
        assert list(map(str, guarded.requests)) == [HEAD, TOKEN, *[HEAD] * 5]

    def test_of_a_user(self, guarded: Scripted) -> None:
        self.answer = lambda _: document({"access_token": "t"})
        Resolver(credentials={guarded.host: ("u", "p")}).resolve(ref(guarded))
        assert list(map(str, guarded.requests)) == [HEAD, "POST /token", HEAD]
        assert parse_qs(guarded.requests[1].body.decode()) == {
            "client_id": ["containerd-client"],
            "grant_type": ["password"],
            "username": ["u"],
            "password": ["p"],
            "scope": ["repository:library/debian:pull"],
            "service": ["svc"],
        }
        assert "Authorization" not in guarded.requests[1].headers

    def test_of_a_refresh_token(self, guarded: Scripted) -> None:
        self.answer = lambda _: document({"access_token": "t"})
        Resolver(credentials={guarded.host: ("", "r")}).resolve(ref(guarded))
        form = parse_qs(guarded.requests[1].body.decode())
        assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["r"])
        assert "username" not in form

    @pytest.mark.parametrize("code", [400, 401, 404, 405])
    def test_of_a_server_that_does_not_know_post(self, guarded: Scripted, code: int) -> None:
        self.answer = lambda request: status(code) if request.method == "POST" else document({"token": "t"})
        Resolver(credentials={guarded.host: ("u", "p")}).resolve(ref(guarded))
        assert list(map(str, guarded.requests)) == [HEAD, "POST /token", TOKEN, HEAD]
        assert guarded.requests[2].headers["Authorization"] == basic("u", "p")

    def test_of_a_user_whom_the_server_refuses(self, guarded: Scripted) -> None:
        self.answer = lambda _: status(403)
        text = refusal(guarded, Resolver(credentials={guarded.host: ("u", "p")}))
        assert text == "failed to authorize: failed to fetch oauth token: unexpected status: 403 Forbidden"


def basic(user: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"


def test_basic(registry: Scripted) -> None:
    registry.script = lambda request: (
        None if request.headers.get("Authorization") == basic("u", "p") else challenge("Basic realm=x")
    )
    Resolver(credentials={registry.host: ("u", "p")}).resolve(ref(registry))
    assert list(map(str, registry.requests)) == [HEAD, HEAD]


def test_a_wrong_password(registry: Scripted) -> None:
    registry.script = lambda _: challenge("Basic realm=x")
    text = refusal(registry, Resolver(credentials={registry.host: ("u", "p")}))
    assert text.endswith("[manifests latest]: 401 Unauthorized")


def test_of_two_schemes_tokens_are_better(registry: Scripted) -> None:
    both = f'Basic realm=x, Bearer realm="http://{registry.host}/token"'
    registry.script = first_of(
        on("GET /token.*", document({"token": "t"})),
        lambda request: None if "Authorization" in request.headers else challenge(both),
    )
    # Two headers of one name are what servers send in its place; http.server joins none.
    assert refusal(registry).endswith("401 Unauthorized")


@pytest.mark.parametrize("wanted", ["Basic realm=x", 'Bearer realm="http://{host}/token"'])
def test_credentials_stay_where_they_are_meant_to_go(
    registry: Scripted, other: Scripted, wanted: str
) -> None:
    """A registry that leads to another: that one may ask, and gets nothing that is the first one's."""
    text = wanted.format(host=other.host)
    registry.script = first_of(
        lambda request: None if "Authorization" in request.headers else challenge("Basic realm=x"),
        lambda request: status(307, {"Location": f"http://{other.host}{request.path}"}),
    )
    other.script = first_of(
        on("GET /token.*", document({"token": "t"})),
        lambda request: None if "Bearer" in request.headers.get("Authorization", "") else challenge(text),
    )
    resolver = Resolver(credentials={registry.host: ("u", "p")})
    if "Basic" in wanted:
        assert "401 Unauthorized" in refusal(registry, resolver)
    else:
        resolver.resolve(ref(registry))
    sent = {request.headers.get("Authorization") for request in other.requests}
    assert sent <= {None, "Bearer t"}
    assert b"p" not in b"".join(request.body for request in other.requests)


def test_a_token_does_not_follow_a_redirect(registry: Scripted, other: Scripted) -> None:
    registry.script = first_of(
        on("GET /token.*", document({"token": "t"})),
        bearer(lambda: registry.host, "t"),
        lambda request: status(307, {"Location": f"http://{other.host}{request.path}"}),
    )
    assert Resolver().resolve(ref(registry)) == descriptor(other)
    assert [request.headers.get("Authorization") for request in other.requests] == [None]


def test_netrc_and_cookies_are_not_sent(
    registry: Scripted, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", netrc)
    registry.script = lambda _: status(302, {"Location": "/v2/", "Set-Cookie": "a=b; Path=/"})
    refusal(registry)
    assert [set(request.headers) & {"Authorization", "Cookie"} for request in registry.requests] == [
        set()
    ] * 10


def test_a_proxy_is_not_asked_for_this_machine(registry: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert Resolver().resolve(ref(registry)) == descriptor(registry)


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


def test_credentials_are_not_shown() -> None:
    from companion.client.remotes.tokens import Credentials  # noqa: PLC0415

    assert repr(Credentials("u", "p")) == "Credentials(user='u')"
