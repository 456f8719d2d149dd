"""Platforms: operating system and processor, as containerd names them. containerd: platforms."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from companion.core.errors import InvalidArgument
from companion.core.quote import quote

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
"""Go's names of processors, with the variant, where they differ from the kernel's."""

_COMPONENT = "^[A-Za-z0-9_-]+$"

_SYSTEM = re.compile(
    "aix|android|darwin|dragonfly|freebsd|hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9|solaris|windows"
    "|zos"
)
_PROCESSOR = re.compile(
    "386|amd64|amd64p32|arm|armbe|arm64|arm64be|ppc64|ppc64le|loong64|mips|mipsle|mips64|mips64le|mips64p32"
    "|mips64p32le|ppc|riscv|riscv64|s390|s390x|sparc|sparc64|wasm"
)
"""What a specifier of a single word may be."""

_SAME_PROCESSOR = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_WITH_VARIANT = {"i386": ("386", ""), "armhf": ("arm", "v7"), "armel": ("arm", "v6")}
_VARIANTS = {
    ("amd64", "v1"): "",
    ("arm64", "8"): "",
    ("arm64", "v8"): "",
    ("arm", ""): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "7"): "v7",
    ("arm", "8"): "v8",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """What a program is built for. containerd: the OCI Platform."""

    os: str
    architecture: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Matcher:
    """The platforms that will do, the best first. containerd: platforms.MatchComparer."""

    platforms: tuple[Platform, ...]

    def match(self, platform: Platform) -> bool:
        """Return whether `platform` will do."""
        return normalize(platform) in self.platforms

    def rank(self, platform: Platform) -> int:
        """Return how many platforms are better than one that will do."""
        return self.platforms.index(normalize(platform))


def default() -> str:
    """Return the platform of this machine, such as `linux/amd64`. containerd: platforms.DefaultString."""
    machine = platform.machine()
    return f"{platform.system().lower()}/{_ARCHITECTURES.get(machine, machine)}"


def only(wanted: Platform) -> Matcher:
    """Match `wanted`, and what its processor also runs. containerd: platforms.Only."""
    return ordered(_runnable(normalize(wanted)))


def ordered(wanted: Iterable[Platform]) -> Matcher:
    """Match these platforms and no others, the first best. containerd: platforms.Ordered."""
    return Matcher(tuple(map(normalize, wanted)))


def normalize(platform: Platform) -> Platform:
    """Return the platform under the one name that it is compared by. containerd: platforms.Normalize."""
    architecture, variant = platform.architecture.lower(), platform.variant.lower()
    architecture = _SAME_PROCESSOR.get(architecture, architecture)
    architecture, variant = _WITH_VARIANT.get(architecture, (architecture, variant))
    return Platform(_system(platform.os), architecture, _VARIANTS.get((architecture, variant), variant))


def parse(specifier: str) -> Platform:
    """Return the platform that is written as `os`, `architecture`, `os/architecture[/variant]`.

    What is left out is this machine's. Raises `InvalidArgument`. containerd: platforms.Parse.
    """
    if "*" in specifier:
        raise InvalidArgument(f"{quote(specifier)}: wildcards not yet supported")
    parts = specifier.split("/")
    for part in parts:
        if not re.fullmatch(_COMPONENT, part):
            raise InvalidArgument(
                f"{quote(part)} is an invalid component of {quote(specifier)}: platform specifier component"
                f" must match {quote(_COMPONENT)}"
            )
    if len(parts) > 3:
        raise InvalidArgument(f"{quote(specifier)}: cannot parse platform specifier")
    return _completed(specifier) if len(parts) == 1 else _told(normalize(Platform(*parts)), len(parts))


def _completed(word: str) -> Platform:
    here = Platform(*default().split("/"))
    if _SYSTEM.fullmatch(_system(word)):
        return replace(here, os=_system(word))
    found = _told(normalize(Platform(here.os, word)), 2)
    if not _PROCESSOR.fullmatch(found.architecture):
        raise InvalidArgument(f"{quote(word)}: unknown operating system or architecture")
    return found


def _told(platform: Platform, parts: int) -> Platform:
    """What is said of a variant is what was written, where two ways of writing mean one."""
    if parts == 2 and (platform.architecture, platform.variant) == ("arm", "v7"):
        return replace(platform, variant="")
    if parts == 3 and (platform.architecture, platform.variant) == ("arm64", ""):
        return replace(platform, variant="v8")
    return platform


def _system(name: str) -> str:
    name = name.lower() or platform.system().lower()
    return "darwin" if name == "macos" else name


def _runnable(platform: Platform) -> Iterator[Platform]:
    yield platform
    if platform.architecture == "amd64":
        yield from _older(platform, 1)
        yield replace(platform, architecture="386", variant="")
    if platform.architecture == "arm":
        yield from _older(platform, 5)
    if platform.architecture == "arm64":
        yield from _runnable(replace(platform, architecture="arm", variant=platform.variant or "v8"))


def _older(platform: Platform, oldest: int) -> Iterator[Platform]:
    if number := re.fullmatch("v?([0-9]{1,2})", platform.variant):
        for older in range(int(number[1]) - 1, oldest - 1, -1):
            yield replace(platform, variant=f"v{older}")
