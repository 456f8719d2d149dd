"""Which hosts are asked for what a reference names. containerd: docker.RegistryHosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urlencode, urlsplit

from companion.client.reference import Reference

DOCKER_HUB = "docker.io"
"""The registry whose API answers under another name than its own."""

_API_HOSTS = {DOCKER_HUB: "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Host:
    """One host, and where on it the API begins. containerd: docker.RegistryHost."""

    origin: str
    path: str = "/v2"

    @classmethod
    def of(cls, registry: str) -> Host:
        """The host of a registry itself: over plain HTTP on this machine, over TLS elsewhere."""
        scheme = "http" if is_loopback(registry) else "https"
        return cls(f"{scheme}://{api_host(registry)}")

    @classmethod
    def at(cls, url: str) -> Host:
        """The host at this URL. Raises `ValueError` unless it is an absolute one of HTTP."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"a mirror is named by its URL, such as http://127.0.0.1:5000, not {url!r}")
        return cls(origin_of(url), f"{parts.path.rstrip('/')}/v2")

    @property
    def name(self) -> str:
        """The host, with its port. containerd: RegistryHost.Host."""
        return self.origin.partition("://")[2]

    def url(self, reference: Reference, kind: str, object: str) -> str:
        """Return where the object is: `kind` is `manifests` or `blobs`. A mirror is told whose it is."""
        path = quote(f"{self.path}/{reference.repository}/{kind}/{object}", safe="/:@+=,~$&!*'()")
        mirrors = self.name != api_host(reference.host)
        return f"{self.origin}{path}" + (f"?{urlencode({'ns': reference.host})}" if mirrors else "")


def hosts_of(reference: Reference, mirrors: Mapping[str, Sequence[Host]]) -> Sequence[Host]:
    """Return the hosts to ask, in their order."""
    return mirrors.get(reference.host) or (Host.of(reference.host),)


def api_host(registry: str) -> str:
    """Return where the API of a registry answers. containerd: docker.DefaultHost."""
    return _API_HOSTS.get(registry, registry)


def origin_of(url: str) -> str:
    """Return scheme, host and port: what credentials are meant for."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_http(url: str) -> bool:
    """Return whether it is a URL that can be asked here."""
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether a host, with or without a port, is this machine. containerd: docker.MatchLocalhost."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
