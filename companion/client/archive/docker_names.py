"""Names as docker has them: `busy` is short for `docker.io/library/busy:latest`.

containerd: the library github.com/distribution/reference, which its archives use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from companion.core.errors import InvalidArgument

_HUB = "docker.io"
_OFFICIAL = "library/"
_LONGEST = 255

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REFERENCE = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?)/(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)
_IDENTIFIER = re.compile("[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class DockerName:
    """A name in parts; tag and digest may be empty. containerd: reference.Named."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name that is meant. Raises `InvalidArgument`. containerd: ParseNormalizedNamed."""
        if _IDENTIFIER.fullmatch(text):
            raise InvalidArgument(
                f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            )
        host, path = _split(text)
        if (name := path.partition(":")[0]) != name.lower():
            raise InvalidArgument("invalid reference format: repository name must be lowercase")
        found = _REFERENCE.fullmatch(f"{host}/{path}")
        if found is None:
            raise InvalidArgument("invalid reference format")
        if len(f"{host}/{found['path']}") > _LONGEST:
            raise InvalidArgument(f"repository name must not be more than {_LONGEST} characters")
        return cls(host, found["path"], found["tag"] or "", found["digest"] or "")

    @property
    def normalized(self) -> str:
        """The whole name; a digest takes the place of a tag. containerd: ParseDockerRef."""
        tag = "" if self.digest else f":{self.tag or 'latest'}"
        return f"{self.host}/{self.path}{tag}{self._digest}"

    @property
    def familiar(self) -> str:
        """The name without what it is short for, but with its tag. containerd: FamiliarString."""
        path = self.path if self.host == _HUB else f"{self.host}/{self.path}"
        if self.host == _HUB and path.count("/") == 1:
            path = path.removeprefix(_OFFICIAL)
        tag = self.tag or ("" if self.digest else "latest")
        return f"{path}{f':{tag}' if tag else ''}{self._digest}"

    @property
    def _digest(self) -> str:
        return f"@{self.digest}" if self.digest else ""


def _split(text: str) -> tuple[str, str]:
    host, slash, path = text.partition("/")
    if not slash or not (set(host) & set(".:") or host == "localhost"):
        host, path = _HUB, text
    if host == f"index.{_HUB}":
        host = _HUB
    return host, path if host != _HUB or "/" in path else f"{_OFFICIAL}{path}"
