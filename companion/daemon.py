"""The daemon: boots the plugins and serves them. containerd: cmd/containerd/server."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import fields
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Self

import grpc

from companion.clients import Services
from companion.config import Config, overlay
from companion.listener import ListenError, bind, release
from companion.plugin import (
    EVENT,
    GRPC,
    METADATA,
    SERVICE,
    InitContext,
    Plugin,
    PluginSet,
    Registry,
    SkipPlugin,
    initialize,
    registry,
)
from companion.service.host import Host
from companion.service.interceptor import CallContext
from companion.service.stream_pool import StreamPool

_log = logging.getLogger(__name__)

BUILTIN = (
    "backend.content.store",
    "backend.snapshots.native",
    "backend.snapshots.overlayfs",
    "store.metadata",
    "backend.diff.walking",
    "backend.exchange",
    "backend.gc_scheduler",
    "local.introspection",
    "local.containers",
    "local.content",
    "local.diff",
    "local.images",
    "local.leases",
    "local.namespaces",
    "local.snapshots",
    "local.tasks",
    "service.introspection",
    "service.containers",
    "service.content",
    "service.diff",
    "service.events",
    "service.health",
    "service.images",
    "service.leases",
    "service.namespaces",
    "service.snapshots",
    "service.tasks",
    "service.version",
)
"""The modules of the built-in plugins, in the order in which containerd initialises theirs."""

DATABASE = f"{METADATA}.bolt"
"""The one plugin that must not fail: all that a daemon without its records can do is mislead."""

WORKERS = 16
"""Threads for short calls; more of them only stand in each other's way."""

STREAMS = 1024
"""How many streams may be open; each has a thread."""


class DaemonError(Exception):
    """The daemon cannot start; the text says why, on one line."""


class Daemon:
    """A containerd: its plugins, its root directory and its socket.

    A context manager: it serves inside the block. `start` and `stop` may be called again and again.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.plugins = PluginSet()
        self._exit = ExitStack()
        self._serving = False

    @property
    def address(self) -> str:
        """The socket that clients connect to."""
        return str(self.config.socket)

    def start(self) -> None:
        """Boot and serve; nothing happens when it serves already. Raises `DaemonError`."""
        if self._serving:
            return
        with ExitStack() as started:
            _make_directories(self.config)
            started.callback(os.close, _lock_root(self.config.root))
            self.plugins = PluginSet()
            started.callback(_close_plugins, self.plugins)
            _boot(self.config, self.plugins)
            self._serve(started)
            self._exit = started.pop_all()
        self._serving = True

    def stop(self) -> None:
        """Cut open streams, close the plugins in reverse order, let go of socket and root."""
        self._serving = False
        self._exit.close()

    def services(self) -> Services:
        """Return the local plugins, for a `Client` inside this process."""
        offered: dict[str, Any] = {
            plugin.registration.id.removesuffix("-service"): plugin.instance
            for plugin in self.plugins
            if plugin.registration.type == SERVICE and plugin.error is None
        }
        known = {field.name for field in fields(Services)} & offered.keys()
        return Services(
            **{name: offered[name] for name in known}, events=self.plugins.by_id(EVENT, "exchange")
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self, started: ExitStack) -> None:
        unary, streams = _started_pool(WORKERS), StreamPool(STREAMS)
        # A server that stops leaves its pools running, and the plugins must not close under a call.
        for pool in (unary, streams):
            started.callback(pool.shutdown)
        server = grpc.server(
            unary,
            interceptors=[CallContext(streams)],
            options=(
                ("grpc.max_receive_message_length", self.config.max_recv_message_size),
                ("grpc.max_send_message_length", self.config.max_send_message_size),
                ("grpc.so_reuseport", 0),
            ),
        )
        host = Host(server)
        _register(self.plugins, host)
        try:
            bind(server, self.config.socket, self.config.uid, self.config.gid)
        except ListenError as error:
            raise DaemonError(str(error)) from None
        started.callback(release, self.config.socket)
        server.start()
        # With a grace, even of 0, it would need a thread of its own to stop.
        started.callback(server.stop, None)


def _boot(config: Config, plugins: PluginSet) -> None:
    """Give every plugin its turn; one that fails stops the daemon only when it is required."""
    missing = set(config.required_plugins)
    for registration in registered().graph(config.disabled_plugins):
        uri = registration.uri
        context = InitContext(
            root=config.root / uri,
            state=config.state / uri,
            address=str(config.socket),
            config=overlay(registration.config, config.plugins.get(uri, {}), f"{uri}."),
            plugins=plugins,
        )
        plugin = initialize(registration, context)
        plugins.add(plugin)
        if plugin.error is not None and (uri in missing or uri == DATABASE):
            raise DaemonError(f"load required plugin {uri}: {plugin.error}")
        _report(plugin)
        missing.discard(uri)
    if missing:
        raise DaemonError(f"required plugin [{' '.join(sorted(missing))}] not included")


def registered() -> Registry:
    """Return the registry with the built-in plugins and those that installed packages bring."""
    for name in BUILTIN:
        import_module(f"companion.{name}")
    for entry_point in entry_points(group="companion.plugins"):
        try:
            entry_point.load()
        except Exception as error:
            _log.warning("failed to load plugin package %s: %s", entry_point.name, error)
    registry.arrange([f"companion.{name}" for name in BUILTIN])
    return registry


def _report(plugin: Plugin) -> None:
    uri = plugin.registration.uri
    match plugin.error:
        case None:
            _log.info('loading plugin "%s"', uri)
        case SkipPlugin() as reason:
            _log.info('skip loading plugin "%s": %s', uri, reason)
        case error:
            _log.warning("failed to load plugin %s: %s", uri, error)


def _started_pool(workers: int) -> ThreadPoolExecutor:
    """Return a pool with all its threads: grpcio's server ends when it cannot start one for a call."""
    pool, together = ThreadPoolExecutor(workers, "unary"), threading.Barrier(workers)
    try:
        for _ in range(workers):
            pool.submit(together.wait)
    except RuntimeError as error:
        together.abort()
        raise DaemonError(f"{workers} threads: {error}") from None
    return pool


def _register(plugins: PluginSet, host: Host) -> None:
    for plugin in plugins:
        if plugin.registration.type == GRPC and plugin.error is None:
            try:
                plugin.value().register(host)
            except Exception as error:
                _log.warning("failed to register plugin %s: %s", plugin.registration.uri, error)
    host.close()


def _close_plugins(plugins: PluginSet) -> None:
    for plugin in reversed(list(plugins)):
        close = getattr(plugin.instance, "close", None)
        if close is not None:
            try:
                close()
            except Exception as error:
                _log.error("failed to close plugin %s: %s", plugin.registration.uri, error)


def _make_directories(config: Config) -> None:
    if config.root == config.state:
        raise DaemonError("root and state must be different paths")
    try:
        config.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.state.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise DaemonError(f"{error.filename}: {error.strerror}") from None


def _lock_root(root: Path) -> int:
    """Keep a second daemon away from this one's data. Returns the descriptor that holds the lock."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise DaemonError(f"{root}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise DaemonError(f"{root}: in use by another daemon") from None
    return descriptor
