"""The default namespace of a client that works in process, where no interceptor can add a header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from companion.clients import Services
from companion.core import namespaces
from companion.core.namespaces import namespace


def in_namespace(services: Services, default: str) -> Services:
    """Return services whose calls work in `default` where their context has no namespace."""
    if not default:
        return services
    offered = {field.name: getattr(services, field.name) for field in fields(services)}
    return replace(
        services, **{name: _InNamespace(s, default) for name, s in offered.items() if s is not None}
    )


class _InNamespace:
    """Any service, with a default namespace around each of its calls."""

    def __init__(self, service: object, default: str) -> None:
        self._service, self._default = service, default

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._service, name)

        def call(*args: Any) -> Any:
            with namespace(namespaces.current.get() or self._default):
                return method(*args)

        return call
