"""Tokens: what a registry's authorisation server gives for credentials, or for nothing.

containerd: remotes/docker/auth.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from companion.client.errors import RegistryError, UnexpectedStatus
from companion.client.remotes.hosts import is_http, origin_of
from companion.client.remotes.transport import Body, Transport

CLIENT_ID = "containerd-client"

_MAX_ANSWER = 1 << 20
_NO_POST = (400, 401, 404)
"""How servers say that they know GET alone; 405 is an answer to a refresh token, too."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and their password, or without a user a refresh token. They are left out of representations."""

    user: str = ""
    secret: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.secret)

    def basic(self) -> str:
        """Return the header of basic authorisation."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.secret}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class TokenServer:
    """Where tokens come from. containerd: auth.TokenOptions."""

    realm: str
    service: str = ""
    scopes: tuple[str, ...] = ()

    @classmethod
    def of(cls, challenge: Mapping[str, str]) -> Self:
        """Return the server that a challenge names. Raises `RegistryError`."""
        realm = challenge.get("realm", "")
        if not realm:
            raise RegistryError("no realm specified for token auth challenge")
        if not is_http(realm):
            raise RegistryError(f"invalid token auth challenge realm: {realm}")
        return cls(realm, challenge.get("service", ""), tuple(challenge.get("scope", "").split()))

    def token(self, transport: Transport, scopes: Sequence[str], credentials: Credentials) -> str:
        """Return a token for these scopes and those of the challenge. Raises `RegistryError`."""
        wanted = sorted({*scopes, *self.scopes})
        fetch, kind = (self._post_or_get, "oauth") if credentials else (self._get, "anonymous")
        try:
            return fetch(transport, wanted, credentials)
        except RegistryError as error:
            raise error.wrap(f"failed to fetch {kind} token") from None

    def _post_or_get(self, transport: Transport, scopes: Sequence[str], credentials: Credentials) -> str:
        try:
            return self._post(transport, scopes, credentials)
        except UnexpectedStatus as error:
            if error.status in _NO_POST or (error.status == 405 and credentials.user):
                return self._get(transport, scopes, credentials)
            raise

    def _post(self, transport: Transport, scopes: Sequence[str], credentials: Credentials) -> str:
        form = {"client_id": CLIENT_ID, "scope": " ".join(scopes), "service": self.service}
        if credentials.user:
            form |= {"grant_type": "password", "username": credentials.user, "password": credentials.secret}
        else:
            form |= {"grant_type": "refresh_token", "refresh_token": credentials.secret}
        answer = _answer(transport.send("POST", self.realm, {}, form=form))
        return _text(answer, "access_token")

    def _get(self, transport: Transport, scopes: Sequence[str], credentials: Credentials) -> str:
        parts = urlsplit(self.realm)
        query = [*parse_qsl(parts.query), *(("scope", scope) for scope in scopes)]
        if self.service:
            query.append(("service", self.service))
        url = parts._replace(query=urlencode(query)).geturl()

        def authorization(target: str) -> str | None:
            return credentials.basic() if credentials and origin_of(target) == origin_of(url) else None

        answer = _answer(transport.send("GET", url, {}, authorization))
        return _text(answer, "access_token", "token")


def _answer(response: requests.Response) -> Mapping[str, object]:
    with response:
        if not 200 <= response.status_code < 400:
            text = f"unexpected status: {response.status_code} {response.reason}"
            raise UnexpectedStatus(text, response.status_code)
        body = Body(response).read_all(_MAX_ANSWER)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"unable to decode token response: {error}") from None
    return answer if isinstance(answer, dict) else {}


def _text(answer: Mapping[str, object], *keys: str) -> str:
    for key in keys:
        if isinstance(found := answer.get(key), str) and found:
            return found
    raise RegistryError("authorization server did not include a token in the response")
