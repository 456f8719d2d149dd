"""Garbage: what no root leads to. containerd: the package gc."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from companion.core.labels import GC_REF_CONTENT, GC_REF_SNAPSHOT

CONTENT, INGESTS, LEASES, SNAPSHOTS = "content", "ingests", "leases", "snapshots/"
"""The types of what can be garbage; that of a snapshot ends in the name of its snapshotter."""


class CollectionError(Exception):
    """A collection that did not come to its end; why is in the daemon's log."""


class Node(NamedTuple):
    """A thing that is kept or collected: its type, as a lease names it, and its key. containerd: gc.Node.

    A `flat` node is kept without what its labels refer to.
    """

    type: str
    key: str
    flat: bool = False


def referred(key: str, value: str) -> Node | None:
    """Return what a label refers to, if it does.

    What follows the name of the kind only tells references apart. containerd: the label handlers of
    core/metadata/gc.go.
    """
    if key.startswith(GC_REF_SNAPSHOT):
        snapshotter, _, _ = key.removeprefix(GC_REF_SNAPSHOT).partition("/")
        return Node(SNAPSHOTS + snapshotter, value)
    if key.startswith(GC_REF_CONTENT) and key[len(GC_REF_CONTENT) :][:1] in ("", ".", "/"):
        return Node(CONTENT, value)
    return None


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
