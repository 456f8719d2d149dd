"""The plugin registry: what the daemon is made of, and in which order it comes to life.

Every part of the daemon is a plugin: it registers itself by type and id, names the types it needs, and
gets the instances of those handed when its turn comes. containerd: the package plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from companion.core.errors import NotFound

CONTENT = "io.containerd.content.v1"
SNAPSHOTTER = "io.containerd.snapshotter.v1"
METADATA = "io.containerd.metadata.v1"
DIFFER = "io.containerd.differ.v1"
EVENT = "io.containerd.event.v1"
GC = "io.containerd.gc.v1"
RUNTIME = "io.containerd.runtime.v1"
RUNTIME_V2 = "io.containerd.runtime.v2"
MONITOR = "io.containerd.monitor.v1"
SERVICE = "io.containerd.service.v1"
GRPC = "io.containerd.grpc.v1"

ALL = "*"
"""In `requires`: every other plugin."""


class RegistrationError(Exception):
    """A plugin that cannot be registered, or whose requirements go in a circle."""


class SkipPlugin(Exception):
    """Raised by an init function: the plugin does not apply here. containerd: ErrSkipPlugin."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: skip plugin")


InitFunction = Callable[["InitContext"], object]
F = TypeVar("F", bound=InitFunction)


@dataclass(frozen=True, slots=True)
class Registration:
    """How a plugin announces itself. containerd: plugin.Registration.

    `config` holds the default configuration; what the configuration file says is laid over it.
    """

    type: str
    id: str
    init: InitFunction
    requires: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """Type and id in one name, e.g. `io.containerd.grpc.v1.containers`."""
        return f"{self.type}.{self.id}"


class Registry:
    """The plugins that are known, in the order in which they registered."""

    def __init__(self) -> None:
        self._registrations: list[Registration] = []

    def add(self, registration: Registration) -> None:
        """Register a plugin. Raises `RegistrationError`."""
        if not registration.type:
            raise RegistrationError("plugin: no type")
        if not registration.id:
            raise RegistrationError("plugin: no id")
        if any(known.uri == registration.uri for known in self._registrations):
            raise RegistrationError(f"{registration.uri}: plugin: id already registered")
        if ALL in registration.requires and len(registration.requires) > 1:
            raise RegistrationError(f"{registration.uri}: invalid requires")
        self._registrations.append(registration)

    def arrange(self, modules: Sequence[str]) -> None:
        """Put the plugins of `modules` in this order, before all others, whichever was imported first.

        For containerd's plugins may need one whose type they do not require, and rely on their place.
        """
        place = {module: number for number, module in enumerate(modules)}
        self._registrations.sort(key=lambda known: place.get(known.init.__module__, len(place)))

    def graph(self, disabled: Iterable[str] = ()) -> list[Registration]:
        """Return the plugins in an order in which everything required comes first. containerd: plugin.Graph.

        `disabled` holds URIs of plugins to leave out. A required type of which there is no plugin is
        not an error here: the init function will ask for it. Raises `RegistrationError` for a cycle.
        """
        left_out = set(disabled)
        enabled = [known for known in self._registrations if known.uri not in left_out]
        ordered: dict[str, Registration] = {}

        def visit(registration: Registration, path: tuple[str, ...]) -> None:
            if registration.uri in ordered:
                return
            if registration.uri in path:
                circle = " -> ".join([*path[path.index(registration.uri) :], registration.uri])
                raise RegistrationError(f"circular plugin dependency: {circle}")
            for required in registration.requires:
                for other in enabled:
                    if other is not registration and required in (other.type, ALL):
                        visit(other, (*path, registration.uri))
            ordered[registration.uri] = registration

        for registration in enabled:
            visit(registration, ())
        return list(ordered.values())


registry = Registry()
"""The registry of this process, which plugins add themselves to when their module is imported."""


def register(
    *, type: str, id: str, requires: tuple[str, ...] = (), config: dict[str, Any] | None = None
) -> Callable[[F], F]:
    """Register the decorated init function as a plugin of this process. containerd: plugin.Register."""

    def decorate(init: F) -> F:
        registry.add(Registration(type, id, init, requires, config or {}))
        return init

    return decorate


@dataclass(slots=True)
class Meta:
    """What a plugin tells of itself when it starts. containerd: plugin.Meta."""

    platforms: list[str] = field(default_factory=list)
    exports: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that had its turn: with its instance, or with the error it failed with."""

    registration: Registration
    config: dict[str, Any]
    meta: Meta
    instance: object = None
    error: Exception | None = None

    def value(self) -> Any:
        """Return the instance. Raises the error that the plugin failed with."""
        if self.error is not None:
            raise self.error
        return self.instance


class PluginSet:
    """The plugins that had their turn, failed ones included, in order. containerd: plugin.Set."""

    def __init__(self) -> None:
        self._plugins: dict[tuple[str, str], Plugin] = {}

    def add(self, plugin: Plugin) -> None:
        """Add a plugin that has had its turn. containerd: Set.Add."""
        self._plugins[plugin.registration.type, plugin.registration.id] = plugin

    def __iter__(self) -> Iterator[Plugin]:
        return iter(list(self._plugins.values()))

    def by_type(self, type: str) -> dict[str, Plugin]:
        """Return the plugins of a type by id, failed ones included. Raises `NotFound` if there are none."""
        found = {plugin.registration.id: plugin for plugin in self if plugin.registration.type == type}
        if not found:
            raise NotFound(f"no plugins registered for {type}")
        return found

    def by_id(self, type: str, id: str) -> Any:
        """Return one instance. Raises `NotFound`, or the error that the plugin failed with."""
        plugin = self._plugins.get((type, id))
        if plugin is None:
            raise NotFound(f"no {type} plugins with id {id}")
        return plugin.value()


@dataclass(frozen=True, slots=True)
class InitContext:
    """What an init function is given. containerd: plugin.InitContext.

    `root` and `state` are the plugin's own directories, which it makes itself; `address` is the socket.
    """

    root: Path
    state: Path
    address: str
    config: dict[str, Any]
    plugins: PluginSet
    meta: Meta = field(default_factory=Meta)

    def get(self, type: str) -> Any:
        """Return the instance of the first plugin of a type. Raises `NotFound`, or that plugin's error."""
        return next(iter(self.plugins.by_type(type).values())).value()

    def service(self, name: str) -> Any:
        """Return the service plugin `<name>-service`. Raises `ServiceNotFound`, or that plugin's error."""
        found = self.plugins.by_type(SERVICE).get(f"{name}-service")
        if found is None:
            raise ServiceNotFound(f"{name} service not found")
        return found.value()


class ServiceNotFound(Exception):
    """A gRPC plugin whose service plugin is not there."""


def initialize(registration: Registration, context: InitContext) -> Plugin:
    """Give a plugin its turn; an error is kept, because one broken plugin does not stop the daemon."""
    instance, error = None, None
    try:
        instance = registration.init(context)
    except Exception as failure:
        error = failure
    return Plugin(registration, context.config, context.meta, instance, error)
