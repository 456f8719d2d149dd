"""References: the names by which images are pulled. containerd: pkg/reference."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from companion.client.errors import RegistryError
from companion.core import digests
from companion.core.errors import InvalidArgument
from companion.core.quote import quote

WANTED = "containerd wants full names, with the registry and a tag: docker.io/library/debian:latest"
"""The note on what went wrong with a name that is not full: the errors themselves do not say it."""

_FULL = re.compile(r"(localhost|[^/]*[.:][^/]+)/[^:@]+[:@].+")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_PORT = re.compile("(:[0-9]*)?")
_BAD_IN_HOST = re.compile(r"""[^A-Za-z0-9._~!$&'()*+,;=:\[\]<>"\x80-\U0010ffff-]""")
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2}).{0,2}")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an image is to be found: `host/name`, and its tag, `@` and digest, or both.

    There is no default host and no default tag. containerd: reference.Spec.
    """

    locator: str
    object: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reference that is written so. Raises `RegistryError`. containerd: reference.Parse."""
        if "://" in text:
            raise RegistryError("invalid reference")
        host, path = _split(text)
        if not host:
            raise RegistryError("hostname required")
        name = re.split("[:@]", path, maxsplit=1)[0]
        return cls(posixpath.normpath(f"{host}/{name}"), path[len(name) :].removeprefix(":"))

    @property
    def host(self) -> str:
        """The registry, with its port. containerd: Spec.Hostname."""
        return self.locator.partition("/")[0]

    @property
    def repository(self) -> str:
        """What the registry calls the image."""
        return self.locator.partition("/")[2]

    @property
    def digest(self) -> str:
        """The digest that is asked for; empty when it is a tag. It goes before a tag."""
        return self.object.partition("@")[2]

    def validate(self) -> None:
        """Raise `RegistryError` unless the reference names one thing in its repository."""
        if not self.object:
            raise RegistryError("object required")
        if self.digest:
            check_digest(self.digest)


def is_full(text: str) -> bool:
    """Return whether a name begins with what looks like a registry, and ends with a tag or a digest."""
    return _FULL.fullmatch(text) is not None


def check_digest(digest: str, prefix: str = "") -> None:
    """Raise `RegistryError` unless it is a digest: nothing that comes from afar may name a file otherwise."""
    try:
        digests.validate(digest)
    except InvalidArgument as error:
        raise RegistryError(prefix + str(error).removesuffix(f": {error.class_text}")) from None


def _split(text: str) -> tuple[str, str]:
    """Host and path, as Go's URL parser finds them in `dummy://<text>`."""
    url = f"dummy://{text.partition('#')[0]}"
    if _CONTROL.search(url):
        raise _unparsed(url, "net/url: invalid control character in URL")
    authority, slash, path = url.removeprefix("dummy://").partition("?")[0].partition("/")
    host = authority.rpartition("@")[2]
    _check_host(url, host)
    if escape := _BAD_ESCAPE.search(path):
        raise _unparsed(url, f"invalid URL escape {quote(escape[0])}")
    return host, slash + unquote(path)


def _check_host(url: str, host: str) -> None:
    if host.startswith("["):
        port = host.rpartition("]")[2]
        if "]" not in host:
            raise _unparsed(url, "missing ']' in host")
    else:
        port = "".join(host.rpartition(":")[1:]) if ":" in host else ""
    if not _PORT.fullmatch(port):
        raise _unparsed(url, f"invalid port {quote(port)} after host")
    if (bad := _BAD_IN_HOST.search(host)) and bad[0] == "%":
        raise _unparsed(url, f"invalid URL escape {quote(host[bad.start() :][:3])}")
    if bad:
        raise _unparsed(url, f"invalid character {quote(bad[0])} in host name")


def _unparsed(url: str, reason: str) -> RegistryError:
    return RegistryError(f"parse {quote(url)}: {reason}")
