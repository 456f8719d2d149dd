"""Edits of a spec by path; every option is made of them.

They make the sections that lead to their key, because a spec that a program brings along may lack them,
and they put copies into the spec, because one option may serve many containers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from companion.client.oci.spec import Spec, SpecOpt
from companion.core.containers import Container

if TYPE_CHECKING:
    from companion.client.client import Client


def put(value: object, *path: str) -> SpecOpt:
    """Set what is at `path`."""

    def opt(client: Client, container: Container, spec: Spec) -> None:
        _section(spec, *path[:-1])[path[-1]] = deepcopy(value)

    return opt


def remove(*path: str) -> SpecOpt:
    """Take away what is at `path`."""

    def opt(client: Client, container: Container, spec: Spec) -> None:
        _section(spec, *path[:-1]).pop(path[-1], None)

    return opt


def change(edit: Callable[[list[Any]], list[Any]], *path: str) -> SpecOpt:
    """Set the list at `path` to what `edit` makes of it; a list that is missing counts as empty."""

    def opt(client: Client, container: Container, spec: Spec) -> None:
        held = _section(spec, *path[:-1]).get(path[-1], [])
        put(edit(held), *path)(client, container, spec)

    return opt


def extend(values: Iterable[object], *path: str) -> SpecOpt:
    """Append to the list at `path`."""
    added = list(values)
    return change(lambda held: held + added, *path)


def _section(spec: Spec, *path: str) -> dict[str, Any]:
    for key in path:
        spec = spec.setdefault(key, {})
    return spec
