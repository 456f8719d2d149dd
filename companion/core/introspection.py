"""What a daemon tells of itself: its plugins and its identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class InitError:
    """Why a plugin could not start: the number of a gRPC status code, and a text."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin of a daemon. containerd: introspection.Plugin.

    `requires` holds types of plugins, `platforms` texts like `linux/amd64` or `linux/arm/v7`. A plugin
    with an `init_error` is known but not at work.
    """

    type: str
    id: str
    requires: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    exports: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    init_error: InitError | None = None


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Which daemon answers. containerd: introspection.ServerResponse.

    `uuid` outlives restarts. `pid` and `pidns`, the inode of the PID namespace that `pid` belongs to,
    are 0 when the daemon does not tell them, as that of 1.6.
    """

    uuid: str
    pid: int = 0
    pidns: int = 0


class Service(Protocol):
    """Who can be asked about a daemon. containerd: introspection.Service. No namespace is needed."""

    def plugins(self, *filters: str) -> Sequence[PluginInfo]:
        """Return the plugins that match any of the filters, in the order in which they started.

        Filters see `type` and `id`. Raises `InvalidArgument` for a filter that cannot be parsed.
        """
        ...

    def server(self) -> ServerInfo:
        """Return the identity of the daemon."""
        ...
