"""Which program the daemon is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a daemon, and the state of the source it was built from. containerd: client.Version."""

    version: str
    revision: str
