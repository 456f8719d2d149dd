"""From a reference to a descriptor. containerd: remotes/docker/resolver.go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import requests

from companion.client.errors import InvalidAuthorization, RegistryError
from companion.client.reference import WANTED, Reference, check_digest, is_full
from companion.client.remotes.authorizer import Authorizer
from companion.client.remotes.fetcher import Fetcher
from companion.client.remotes.hosts import Host, api_host, hosts_of
from companion.client.remotes.request import Requests
from companion.client.remotes.tokens import Credentials
from companion.client.remotes.transport import Body, Transport
from companion.core import digests, media_types
from companion.core.content import Descriptor
from companion.core.errors import Error, NotFound

MAX_MANIFEST = 4 * 1048 * 1048
"""The largest manifest that is taken, in bytes. containerd: docker.MaxManifestSize."""

DEFAULT_TIMEOUT = 30.0

_DENIED = "pull access denied, repository does not exist or may require authorization"
_ACCEPT = ", ".join(
    (
        media_types.DOCKER_MANIFEST,
        media_types.DOCKER_INDEX,
        media_types.OCI_MANIFEST,
        media_types.OCI_INDEX,
        "*/*",
    )
)


class Resolver:
    """Finds what references name, over HTTP.

    `mirrors` says, for a registry such as `docker.io`, by their URLs which hosts are asked in its place, in
    this order. A registry without any is asked itself: over TLS, or over plain HTTP on this machine.
    `credentials` are those of registries and of mirrors, by host and port: a user and a password, or an
    empty user and a refresh token. `foreign_urls` lets layers come from the URLs that their descriptors name,
    wherever that is, without credentials. `timeout` is how long to wait for a host, in seconds.
    A resolver may be used from many threads. containerd: docker.NewResolver.
    """

    def __init__(
        self,
        *,
        mirrors: Mapping[str, str | Sequence[str]] | None = None,
        credentials: Mapping[str, tuple[str, str]] | None = None,
        foreign_urls: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        self._mirrors = {name: _hosts(urls) for name, urls in (mirrors or {}).items()}
        self._authorizer = Authorizer(
            {api_host(name): Credentials(*pair) for name, pair in (credentials or {}).items()}
        )
        self._foreign_urls, self._timeout = foreign_urls, timeout

    def resolve(self, ref: str) -> Descriptor:
        """Return the descriptor of what `ref` names.

        Raises `NotFound`, `RegistryError` for a malformed reference and for what a registry does wrong,
        `InvalidAuthorization`. containerd: Resolver.Resolve.
        """
        try:
            reference = Reference.parse(ref)
            reference.validate()
            with Transport(self._timeout) as transport:
                return self._resolve(Requests(transport, self._authorizer, reference), ref)
        except Error as error:
            failure = error.wrap(f'failed to resolve reference "{ref}"')
            if not is_full(ref):
                failure.add_note(WANTED)
            raise failure from None

    @contextmanager
    def fetcher(self, ref: str) -> Iterator[Fetcher]:
        """Return, for a block, what fetches from the repository of `ref`. containerd: Resolver.Fetcher."""
        reference = Reference.parse(ref)
        with Transport(self._timeout) as transport:
            asked = Requests(transport, self._authorizer, reference)
            hosts = hosts_of(reference, self._mirrors)
            yield Fetcher(asked, hosts, foreign_urls=self._foreign_urls)

    def _resolve(self, asked: Requests, ref: str) -> Descriptor:
        digest = asked.reference.digest
        first: Error | None = None
        for kind in ("manifests", "blobs") if digest else ("manifests",):
            for host in hosts_of(asked.reference, self._mirrors):
                try:
                    if found := self._resolve_at(asked, host, kind, ref):
                        return found
                except InvalidAuthorization as error:
                    first = first or error.wrap(_DENIED)
                except Error as error:
                    first = first or error
        raise first or NotFound(ref)

    def _resolve_at(self, asked: Requests, host: Host, kind: str, ref: str) -> Descriptor | None:
        wanted = asked.reference.digest
        with _ask(asked, "HEAD", host, kind) as response:
            digest = wanted or response.headers.get("Docker-Content-Digest", "")
            length = response.headers.get("Content-Length", "")
        if response.status_code == 404:
            return None
        if not (digest and length.isdecimal()):
            with _ask(asked, "GET", host, kind) as response:
                body = Body(response).read_all(MAX_MANIFEST)
            digest = wanted or digests.from_bytes(body)
            length = str(len(body))
        check_digest(digest, f'"{digest}" in header not a valid digest: ')
        if int(length) > MAX_MANIFEST:
            raise NotFound(f"rejecting {length} byte manifest for {ref}")
        return Descriptor(_media_type(response), digest, int(length))


def _ask(asked: Requests, method: str, host: Host, kind: str) -> requests.Response:
    """Return the answer to a question about a manifest: that there is one, or that there is none."""
    name = asked.reference.digest or asked.reference.object
    response = asked.send(method, host, kind, name, {"Accept": _ACCEPT})
    if response.status_code > 299 and response.status_code != 404:
        response.close()
        status = f"{response.status_code} {response.reason}"
        raise RegistryError(
            f"pulling from host {host.name} failed with status code [{kind} {name}]: {status}"
        )
    return response


def _media_type(response: requests.Response) -> str:
    """The type of a manifest; registries tell that of the oldest schema in more than one way."""
    told = response.headers.get("Content-Type", "").partition(";")[0].strip()
    return media_types.DOCKER_SCHEMA1_MANIFEST if told == "text/plain" else told


def _hosts(urls: str | Sequence[str]) -> Sequence[Host]:
    return tuple(map(Host.at, (urls,) if isinstance(urls, str) else urls))
