"""The namespace of a call: a context variable, as containerd keeps it in the call's context.

The two gRPC headers that belong to a call's context are named here too, because both halves of the
wire need them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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
