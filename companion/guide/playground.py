"""A daemon of the reader's own, in this process, on directories that go with it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from companion.config import Config
from companion.daemon import Daemon

NOT_EVERYWHERE = ("io.containerd.snapshotter.v1.overlayfs",)
"""Plugins that need root: without them a notebook shows the same on every machine."""

_running: list[Daemon] = []


def fresh_daemon() -> Daemon:
    """Start a daemon on empty directories, in place of the one before, so that a cell can be run again."""
    stop_daemon()
    # A unix socket's path ends at 104 bytes, so the directory has a short name.
    base = Path(tempfile.mkdtemp(prefix="companion-"))
    daemon = Daemon(Config(base / "root", base / "state", disabled_plugins=NOT_EVERYWHERE))
    daemon.start()
    _running.append(daemon)
    return daemon


def stop_daemon() -> None:
    """Stop the daemon that `fresh_daemon` started, and remove what it wrote; there may be none."""
    while _running:
        daemon = _running.pop()
        daemon.stop()
        shutil.rmtree(daemon.config.root.parent)


atexit.register(stop_daemon)
