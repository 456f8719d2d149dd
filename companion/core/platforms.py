"""Platforms: operating system and processor, as containerd names them."""

from __future__ import annotations

import platform
from dataclasses import dataclass

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
"""Go's names of processors, with the variant, where they differ from the kernel's."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What a program is built for. containerd: the OCI Platform."""

    os: str
    architecture: str
    variant: str = ""


def default() -> str:
    """Return the platform of this machine, such as `linux/amd64`. containerd: platforms.DefaultString."""
    machine = platform.machine()
    return f"{platform.system().lower()}/{_ARCHITECTURES.get(machine, machine)}"
