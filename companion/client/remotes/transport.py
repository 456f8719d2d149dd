"""HTTP with nothing left to chance: bounded in time and size, and each redirect asked about anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from typing import Self
from urllib.parse import urljoin, urlsplit

import requests
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError, ReadTimeoutError

from companion.client.errors import RegistryError
from companion.client.remotes.hosts import is_loopback
from companion.client.remotes.pace import PacedAdapter
from companion.core.quote import quote

MAX_REDIRECTS = 10

_REDIRECTS = (301, 302, 303, 307, 308)
_AGENT = f"companion/{version('companion')}"


class Dropped(RegistryError):
    """The connection ended before the body did; the rest can be asked for."""


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow nothing: it would be read to its end, which a hostile answer has not."""


class Transport:
    """A pool of connections. Every wait for a registry ends after `timeout` seconds."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._session = _Session()
        # Neither netrc nor cookies: nothing is sent along that the caller has not said.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.clear()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, PacedAdapter())

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        authorization: Callable[[str], str | None] = lambda _: None,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request and follow where it leads; a form is not sent on. The body is not read yet.

        `authorization` gives the header for each URL on the way. Raises `RegistryError`.
        """
        target = location = url
        for _ in range(MAX_REDIRECTS):
            response = self._send_once(method, target, headers, authorization(target), form)
            location = response.headers.get("Location", "")
            if response.status_code not in _REDIRECTS or not location or form is not None:
                return response
            response.close()
            target = _joined(method, target, location)
        raise RegistryError(f"{_what(method, location)}: stopped after {MAX_REDIRECTS} redirects")

    def _send_once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        authorization: str | None,
        form: Mapping[str, str] | None,
    ) -> requests.Response:
        sent = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
        if authorization is not None:
            sent["Authorization"] = authorization
        try:
            return self._session.request(
                method,
                url,
                headers=sent,
                data=form,
                stream=True,
                timeout=self._timeout,
                proxies={} if is_loopback(urlsplit(url).netloc) else get_environ_proxies(url),
                verify=os.environ.get("REQUESTS_CA_BUNDLE") or True,
            )
        except (requests.RequestException, ValueError) as error:
            raise _failed(method, url, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()


class Body:
    """The body of an answer, as it arrives."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response

    def read(self, size: int) -> bytes:
        """Return some bytes, at most `size`; none at the end.

        Raises `Dropped`, and `RegistryError` for a registry that has stopped sending.
        """
        try:
            return bytes(self._response.raw.read1(size, decode_content=False))
        except ReadTimeoutError:
            raise RegistryError(f"read {quote(self._response.url)}: i/o timeout") from None
        except (HTTPError, OSError) as error:
            raise Dropped(_reason(error)) from None

    def read_all(self, limit: int) -> bytes:
        """Return the whole body. Raises as `read`, and `RegistryError` when it is over `limit` bytes."""
        body = bytearray()
        while data := self.read(limit + 1 - len(body)):
            body += data
            if len(body) > limit:
                raise RegistryError(f"more than {limit} bytes from {self._response.url}")
        return bytes(body)

    def close(self) -> None:
        """Let go of the connection."""
        self._response.close()


def _joined(method: str, url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise _failed(method, url, error) from None


def _what(method: str, url: str) -> str:
    return f"failed to do request: {method.title()} {quote(url)}"


def _failed(method: str, url: str, error: Exception) -> RegistryError:
    if isinstance(error, requests.Timeout):
        return RegistryError(f"{_what(method, url)}: i/o timeout")
    dropped = any(isinstance(cause, ConnectionResetError) for cause in _causes(error))
    return (Dropped if dropped else RegistryError)(f"{_what(method, url)}: {_reason(error)}")


def _reason(error: BaseException) -> str:
    """What lies at the bottom of an error: its wrappings tell of objects and their addresses."""
    causes = list(_causes(error))
    known = [cause.strerror.lower() for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return known[-1] if known else next(str(cause) for cause in reversed(causes))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
