"""Namespaces: the tenants of a daemon, and the one that a call works in.

The namespace of a call is a context variable here, as containerd keeps it in the call's context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from companion.core import identifiers
from companion.core.errors import FailedPrecondition, InvalidArgument

HEADER = "containerd-namespace"
DEFAULT = "default"

current: ContextVar[str] = ContextVar("namespace", default="")
"""The namespace of this context; empty when there is none. It does not reach the threads of a pool."""


@contextmanager
def namespace(name: str) -> Iterator[None]:
    """Make `name` the namespace of every call in the block. containerd: namespaces.WithNamespace.

    The name is validated where it is used, by the daemon.
    """
    token = current.set(name)
    try:
        yield
    finally:
        current.reset(token)


def required() -> str:
    """Return the namespace of this context. containerd: namespaces.NamespaceRequired.

    Raises `FailedPrecondition` when there is none, `InvalidArgument` when it is not an identifier.
    """
    name = current.get()
    if not name:
        raise FailedPrecondition("namespace is required")
    try:
        identifiers.validate(name)
    except InvalidArgument as error:
        raise error.wrap("namespace validation") from None
    return name


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace: its name and its labels, some of which are defaults for its clients."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    """Where namespaces live; whatever is created in a namespace creates it too. containerd: namespaces.Store.

    Every method sees all namespaces. A daemon publishes the events of `create` and `update` in the
    namespace of the context; without one it refuses both, which raises `Unknown`.
    """

    def get(self, name: str) -> Namespace:
        """Return the namespace; one that does not exist has no labels."""
        ...

    def list(self) -> Sequence[Namespace]:
        """Return all namespaces, bytewise by name."""
        ...

    def create(self, namespace: Namespace) -> None:
        """Write a new namespace. Raises `InvalidArgument`, `AlreadyExists`."""
        ...

    def update(self, namespace: Namespace, *fieldpaths: str) -> None:
        """Change the labels named by `fieldpaths` as `labels.<key>`, or replace all.

        An empty label is removed, a namespace that does not exist is created.
        Raises `InvalidArgument` for any other field.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove the namespace. Raises `NotFound`, `FailedPrecondition` when something is left in it."""
        ...
