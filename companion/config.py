"""The daemon's configuration. containerd: config.toml; the keys have the same names."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MAX_MESSAGE_SIZE = 16 << 20
_LARGEST_SIZE = (1 << 31) - 1  # what gRPC can be told
_VERSION = 2
_URI_PARTS = 4  # io, containerd, a kind and a version; the id of a plugin comes after


class ConfigError(Exception):
    """A configuration that cannot be used; the text says why, on one line."""


def _place(for_root: str, variable: str, below_home: str) -> Path:
    """Return a directory of the system for root, and the user's own for anybody else."""
    if os.geteuid() == 0:
        return Path(for_root)
    try:
        return Path(os.environ.get(variable) or Path.home() / below_home) / "companion"
    except RuntimeError as error:
        raise ConfigError(f"{error} Set HOME.") from None


def default_file() -> Path:
    """Where the configuration is looked for; it need not exist."""
    return _place("/etc/companion", "XDG_CONFIG_HOME", ".config") / "config.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """What the daemon is told. Sizes are bytes; an empty `address` is a socket in the state directory.

    containerd: services/server/config.Config. `root` is for what must survive a restart, `state` for
    what need not; `uid` and `gid` own the socket.
    """

    root: Path = field(default_factory=lambda: _place("/var/lib/companion", "XDG_DATA_HOME", ".local/share"))
    state: Path = field(default_factory=lambda: _place("/run/companion", "XDG_RUNTIME_DIR", ".local/state"))
    address: str = ""
    uid: int = field(default_factory=os.geteuid)
    gid: int = field(default_factory=os.getegid)
    max_recv_message_size: int = _MAX_MESSAGE_SIZE
    max_send_message_size: int = _MAX_MESSAGE_SIZE
    level: str = "info"
    disabled_plugins: tuple[str, ...] = ()
    required_plugins: tuple[str, ...] = ()
    plugins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        """The socket to serve on."""
        return Path(self.address or self.state / "companion.sock")


def load(path: Path) -> Config:
    """Read a configuration file over the defaults. Raises `ConfigError`, with the path."""
    try:
        given = tomllib.loads(path.read_text())
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise ConfigError(f"failed to load TOML: {path}: open {path}: {reason}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"failed to load TOML: {path}: {error}") from None
    try:
        document = overlay(to_document(Config()), given)
        _check(document)
        return _from_document(document)
    except ConfigError as error:
        raise ConfigError(f"failed to load TOML from {path}: {error}") from None


def to_document(config: Config) -> dict[str, Any]:
    """Return the configuration in the shape of its file."""
    return {
        "version": _VERSION,
        "root": str(config.root),
        "state": str(config.state),
        "disabled_plugins": list(config.disabled_plugins),
        "required_plugins": list(config.required_plugins),
        "grpc": {
            "address": config.address,
            "uid": config.uid,
            "gid": config.gid,
            "max_recv_message_size": config.max_recv_message_size,
            "max_send_message_size": config.max_send_message_size,
        },
        "debug": {"level": config.level},
        "plugins": {uri: dict(section) for uri, section in config.plugins.items()},
    }


def overlay(defaults: Mapping[str, Any], given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Lay what a file says over defaults: unknown keys are ignored, empty values change nothing.

    Raises `ConfigError` for a value of another type than its default.
    """
    merged = dict(defaults)
    for key, default in defaults.items():
        value = given.get(key, default)
        if type(value) is not type(default):
            raise ConfigError(f"{where}{key}: can't convert {value} to {type(default).__name__}")
        if key == "plugins":
            merged[key] = value
        elif isinstance(value, dict):
            merged[key] = overlay(default, value, f"{where}{key}.")
        elif value not in ("", []):
            merged[key] = value
    return merged


def _from_document(document: Mapping[str, Any]) -> Config:
    grpc = document["grpc"]
    return Config(
        root=Path(document["root"]),
        state=Path(document["state"]),
        address=grpc["address"],
        uid=grpc["uid"],
        gid=grpc["gid"],
        max_recv_message_size=grpc["max_recv_message_size"],
        max_send_message_size=grpc["max_send_message_size"],
        level=document["debug"]["level"],
        disabled_plugins=tuple(document["disabled_plugins"]),
        required_plugins=tuple(document["required_plugins"]),
        plugins=document["plugins"],
    )


def _check(document: Mapping[str, Any]) -> None:
    if document["version"] != _VERSION:
        raise ConfigError(f"unsupported version {document['version']}, expected {_VERSION}")
    for key in ("max_recv_message_size", "max_send_message_size"):
        if not 0 <= document["grpc"][key] <= _LARGEST_SIZE:
            raise ConfigError(f"grpc.{key}: {document['grpc'][key]} is not between 0 and {_LARGEST_SIZE}")
    for kind in ("disabled", "required"):
        for uri in document[f"{kind}_plugins"]:
            _check_uri(f"{kind} plugin", uri)
    for uri, section in document["plugins"].items():
        _check_uri("plugin key", uri)
        if not isinstance(section, dict):
            raise ConfigError(f'plugins."{uri}": can\'t convert {section} to dict')


def _check_uri(kind: str, uri: object) -> None:
    if not isinstance(uri, str) or uri.count(".") + 1 < _URI_PARTS:
        raise ConfigError(f'invalid {kind} URI "{uri}" expect io.containerd.x.vx')
