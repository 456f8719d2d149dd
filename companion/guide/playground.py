"""A daemon of the reader's own, in this process, on directories that go with it; and a registry."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from companion.config import Config
from companion.daemon import Daemon
from companion.guide.registry import Registry

NOT_EVERYWHERE = ("io.containerd.snapshotter.v1.overlayfs",)
"""Plugins that need root: without them a notebook shows the same on every machine."""

ON_REQUEST = {"io.containerd.gc.v1.scheduler": {"startup_delay": "24h", "pause_threshold": 1e-9}}
"""Plugins that differ: garbage is collected when somebody waits for it, and at no other time."""

_running: list[Daemon] = []
_serving: list[Registry] = []


def fresh_daemon(plugins: Mapping[str, Mapping[str, Any]] | None = None) -> Daemon:
    """Start a daemon on empty directories, in place of the one before, so that a cell can be run again.

    `plugins` has what differs from the default configuration, by the names of plugins.
    """
    stop_daemon()
    # A unix socket's path ends at 104 bytes, so the directory has a short name.
    base = Path(tempfile.mkdtemp(prefix="companion-"))
    config = Config(base / "root", base / "state", disabled_plugins=NOT_EVERYWHERE, plugins=plugins or {})
    daemon = Daemon(config)
    daemon.start()
    _running.append(daemon)
    return daemon


def stop_daemon() -> None:
    """Stop the daemon that `fresh_daemon` started, and remove what it wrote; there may be none."""
    while _running:
        daemon = _running.pop()
        daemon.stop()
        shutil.rmtree(daemon.config.root.parent)


def fresh_registry() -> Registry:
    """Start a registry with the guide's image, in place of the one before."""
    stop_registry()
    registry = Registry()
    registry.start()
    _serving.append(registry)
    return registry


def stop_registry() -> None:
    """Stop the registry that `fresh_registry` started; there may be none."""
    while _serving:
        _serving.pop().stop()


atexit.register(stop_daemon)
atexit.register(stop_registry)
