"""Garbage: what no root leads to. containerd: the package gc."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol


class CollectionError(Exception):
    """A collection that did not come to its end; why is in the daemon's log."""


class Node(NamedTuple):
    """A thing that is kept or collected: its type, as a lease names it, and its key. containerd: gc.Node.

    A `flat` node is kept without what its labels refer to.
    """

    type: str
    key: str
    flat: bool = False


class Collector(Protocol):
    """Whom a deletion asks to collect what it has left. containerd: gcScheduler of the services."""

    def schedule_and_wait(self) -> None:
        """Return once a collection is over that has begun after this call. Raises `CollectionError`."""
        ...


def reachable(roots: Iterable[Node], references: Callable[[Node], Iterable[Node]]) -> set[Node]:
    """Return the roots and all that `references` lead to from them. containerd: gc.Tricolor."""
    reached = set(roots)
    waiting = list(reached)
    while waiting:
        for node in references(waiting.pop()):
            if node not in reached:
                reached.add(node)
                waiting.append(node)
    return reached
