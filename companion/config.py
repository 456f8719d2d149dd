"""The daemon's configuration. containerd: config.toml; the keys have the same names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MAX_MESSAGE_SIZE = 16 << 20


def _of_user(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "companion"


def default_root() -> Path:
    """Where the daemon keeps what must survive a restart; the user's own place without root privileges."""
    return Path("/var/lib/companion") if os.geteuid() == 0 else _of_user("XDG_DATA_HOME", ".local/share")


def default_state() -> Path:
    """Where the daemon keeps what may go with a restart."""
    return Path("/run/companion") if os.geteuid() == 0 else _of_user("XDG_RUNTIME_DIR", ".local/state")


@dataclass(frozen=True, slots=True)
class Config:
    """What the daemon is told. `address` is empty for a socket in the state directory; sizes are bytes."""

    root: Path = field(default_factory=default_root)
    state: Path = field(default_factory=default_state)
    address: str = ""
    max_recv_message_size: int = _MAX_MESSAGE_SIZE
    max_send_message_size: int = _MAX_MESSAGE_SIZE
    disabled_plugins: tuple[str, ...] = ()
    required_plugins: tuple[str, ...] = ()
    plugins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        """The socket to serve on."""
        return Path(self.address or self.state / "companion.sock")
