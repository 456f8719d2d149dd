"""Who asks: the header `Authorization`, for each host what that host asked for.

containerd: docker.NewDockerAuthorizer.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

import requests
from requests.utils import parse_dict_header

from companion.client.errors import InvalidAuthorization, RegistryError
from companion.client.remotes.hosts import Host, origin_of
from companion.client.remotes.tokens import Credentials, TokenServer
from companion.client.remotes.transport import Transport

_NOBODY = Credentials()
_SCHEMES = ("basic", "bearer")
"""Those that are known here, the best last."""


class Authorizer:
    """Answers the challenges of hosts; each is kept with the origin it came from, and serves no other.

    `credentials` has those of hosts, with their port. May be used from many threads.
    """

    def __init__(self, credentials: Mapping[str, Credentials]) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()
        self._handlers: dict[str, _Handler] = {}

    def authorization(self, transport: Transport, url: str, scope: str) -> str | None:
        """Return the header for a URL, fetching a token where one is needed. Raises `RegistryError`."""
        handler = self._handlers.get(origin_of(url))
        try:
            return None if handler is None else handler.header(transport, scope)
        except RegistryError as error:
            raise error.wrap("failed to authorize") from None

    def add_responses(self, responses: Sequence[requests.Response], asked: Host) -> bool:
        """Learn from the last of the answers to one request; return whether it is worth another try.

        Credentials are for the host that was `asked`; one it redirects to gets none of them.
        Raises `InvalidAuthorization`. containerd: AddResponses.
        """
        last = responses[-1]
        origin = origin_of(last.url)
        credentials = self._credentials.get(asked.name, _NOBODY) if origin == asked.origin else _NOBODY
        scheme, parameters = _challenge(last)
        with self._lock:
            if scheme == "bearer":
                self._add_bearer(origin, parameters, credentials, responses)
            elif scheme == "basic" and credentials.user:
                self._handlers[origin] = _Basic(credentials)
            else:
                return False
        return True

    def _add_bearer(
        self,
        origin: str,
        parameters: Mapping[str, str],
        credentials: Credentials,
        responses: Sequence[requests.Response],
    ) -> None:
        if parameters.get("error") and _asked_twice(responses):
            self._handlers.pop(origin, None)
            raise InvalidAuthorization(f"server message: {parameters['error']}: authorization failed")
        handler = self._handlers.get(origin)
        if handler is None:
            self._handlers[origin] = _Bearer(TokenServer.of(parameters), credentials)
        elif len(responses) == 1:
            # The token is of an earlier request, and may have run out since.
            handler.forget(responses[0].request.headers.get("Authorization"))


class _Handler(Protocol):
    def header(self, transport: Transport, scope: str) -> str: ...
    def forget(self, header: str | bytes | None) -> None: ...


class _Basic:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def header(self, transport: Transport, scope: str) -> str:
        return self._credentials.basic()

    def forget(self, header: str | bytes | None) -> None:
        """A password does not run out."""


class _Bearer:
    def __init__(self, server: TokenServer, credentials: Credentials) -> None:
        self._server, self._credentials = server, credentials
        self._lock = threading.Lock()
        self._headers: dict[str, str] = {}

    def header(self, transport: Transport, scope: str) -> str:
        with self._lock:
            if scope not in self._headers:
                token = self._server.token(transport, [scope], self._credentials)
                self._headers[scope] = f"Bearer {token}"
            return self._headers[scope]

    def forget(self, header: str | bytes | None) -> None:
        with self._lock:
            self._headers = {scope: known for scope, known in self._headers.items() if known != header}


def _challenge(response: requests.Response) -> tuple[str, Mapping[str, str]]:
    """The best scheme that is offered, and its parameters."""
    offers = [_parsed(header) for header in response.raw.headers.getlist("WWW-Authenticate")]
    return max(
        offers, key=lambda offer: _SCHEMES.index(offer[0]) if offer[0] in _SCHEMES else -1, default=("", {})
    )


def _parsed(header: str) -> tuple[str, Mapping[str, str]]:
    scheme, _, parameters = header.strip().partition(" ")
    found: Mapping[str, str | None] = parse_dict_header(parameters)
    return scheme.lower(), {key.lower(): value for key, value in found.items() if value is not None}


def _asked_twice(responses: Sequence[requests.Response]) -> bool:
    asked = [(response.request.method, response.request.url) for response in responses[-2:]]
    return len(asked) == 2 and asked[0] == asked[1]
