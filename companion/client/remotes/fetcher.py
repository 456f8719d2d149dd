"""From a descriptor to its bytes. containerd: remotes/docker/fetcher.go and httpreadseeker.go."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self

import requests

from companion.client.errors import RegistryError
from companion.client.remotes.hosts import Host, is_http
from companion.client.remotes.request import Requests
from companion.client.remotes.transport import Body, Dropped
from companion.core.content import Descriptor
from companion.core.errors import Error, NotFound
from companion.core.media_types import is_index, is_manifest

MAX_RETRIES = 3
"""How often a dropped connection is made anew before one brings any bytes."""

_MAX_ERROR = 1 << 16
_CODES = {"UNKNOWN", "UNSUPPORTED", "UNAUTHORIZED", "DENIED", "UNAVAILABLE", "TOOMANYREQUESTS"}


class Fetcher:
    """Fetches the blobs of one repository from its hosts. May be used from many threads.

    URLs in a descriptor lead elsewhere, and are followed with `foreign_urls` only: before the hosts are
    asked, and without credentials. containerd: remotes.Fetcher.
    """

    def __init__(self, asked: Requests, hosts: Sequence[Host], *, foreign_urls: bool) -> None:
        self._asked, self._hosts, self._foreign_urls = asked, hosts, foreign_urls

    def fetch(self, descriptor: Descriptor, offset: int = 0) -> RemoteBlob:
        """Return the bytes of a blob from `offset` on; the registry is asked at the first read."""
        return RemoteBlob(lambda position: self._open(descriptor, position), offset)

    def _open(self, descriptor: Descriptor, offset: int) -> Body:
        for url in filter(is_http, descriptor.urls if self._foreign_urls else ()):
            with suppress(NotFound):
                return _begun(
                    self._asked.transport.send("GET", url, _headers(descriptor, offset)), url, offset
                )
        manifest = is_manifest(descriptor.media_type) or is_index(descriptor.media_type)
        first: Error | None = None
        for host in self._hosts:
            try:
                return self._open_at(host, "manifests" if manifest else "blobs", descriptor, offset)
            except Error as error:
                first = first or error
        if isinstance(first, NotFound) and not manifest:
            what = f"{descriptor.digest} ({descriptor.media_type})"
            raise NotFound(f"could not fetch content descriptor {what} from remote")
        raise first or NotFound("no pull hosts")

    def _open_at(self, host: Host, kind: str, descriptor: Descriptor, offset: int) -> Body:
        response = self._asked.send("GET", host, kind, descriptor.digest, _headers(descriptor, offset))
        return _begun(response, host.url(self._asked.reference, kind, descriptor.digest), offset)


class RemoteBlob:
    """A blob of a registry as it arrives; where the connection drops, the rest is asked for.

    containerd: httpReadSeeker.
    """

    def __init__(self, open: Callable[[int], Body], offset: int) -> None:
        self._open, self._offset = open, offset
        self._body: Body | None = None
        self._failures = 0

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer at the end only. Raises `NotFound`, `RegistryError`."""
        data = bytearray()
        while len(data) < size and (part := self._read_some(size - len(data))):
            data += part
        return bytes(data)

    def _read_some(self, size: int) -> bytes:
        while True:
            try:
                data = self._opened().read(size)
            except Dropped:
                self.close()
                self._failures += 1
                if self._failures > MAX_RETRIES:
                    return b""
            else:
                self._offset += len(data)
                self._failures = 0 if data else self._failures
                return data

    def _opened(self) -> Body:
        if self._body is None:
            try:
                self._body = self._open(self._offset)
            except Error as error:
                raise error.wrap("httpReadSeeker: failed open") from None
        return self._body

    def close(self) -> None:
        """Let go of the connection."""
        if self._body is not None:
            self._body.close()
        self._body = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _headers(descriptor: Descriptor, offset: int) -> Mapping[str, str]:
    headers = {"Accept": f"{descriptor.media_type}, */*"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    return headers


def _begun(response: requests.Response, url: str, offset: int) -> Body:
    """Return the body of an answer, at `offset`. Raises `NotFound`, `RegistryError`."""
    body = Body(response)
    try:
        _check_status(response, body, url)
        _skip(response, body, offset)
    except BaseException:
        body.close()
        raise
    return body


def _check_status(response: requests.Response, body: Body, url: str) -> None:
    if response.status_code == 404:
        raise NotFound(f"content at {url} not found")
    if response.status_code > 299:
        status = f"unexpected status code {url}: {response.status_code} {response.reason}"
        message = _server_message(body)
        raise RegistryError(f"{status} - Server message: {message}" if message else status)


def _skip(response: requests.Response, body: Body, offset: int) -> None:
    """Leave out what is there already, where the registry did not: not all know ranges."""
    told = response.headers.get("Content-Range", "")
    if not offset or told.startswith(f"bytes {offset}-"):
        return
    if told:
        raise RegistryError(f"unhandled content range in response: {told}")
    while offset:
        skipped = len(body.read(min(offset, 1 << 20)))
        if not skipped:
            raise RegistryError("unable to discard to offset")
        offset -= skipped


def _server_message(body: Body) -> str:
    """What a registry's list of errors says; empty when the body is none."""
    try:
        errors = json.loads(body.read_all(_MAX_ERROR))["errors"]
        messages = [_message(error["code"], error.get("message")) for error in errors]
    except (RegistryError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return ""
    return messages[0] if len(messages) == 1 else "".join(["errors:\n", *(f"{each}\n" for each in messages)])


def _message(code: str, message: str) -> str:
    name = (code if code in _CODES else "UNKNOWN").lower()
    return f"{name}: {message}" if message else name
