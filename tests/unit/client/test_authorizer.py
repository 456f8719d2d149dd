"""Who may have an image: tokens, passwords, and where they never go."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from companion.client.remotes import InvalidAuthorization, Resolver
from companion.guide.registry import Answer, Request
from tests.registries import Scripted, bearer, challenge, document, first_of, on, status
from tests.unit.client.resolving import HEAD, basic, descriptor, ref, refusal

TOKEN = "GET /token"
ANONYMOUS = {"service": ["svc"], "scope": ["repository:library/debian:pull"]}


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


def test_credentials_are_not_shown() -> None:
    from companion.client.remotes.tokens import Credentials  # noqa: PLC0415

    assert repr(Credentials("u", "p")) == "Credentials(user='u')"
