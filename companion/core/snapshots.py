"""Snapshots: directory trees by key, each a set of changes to its parent, and the protocols around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Protocol

from companion.core.mounts import Mount

DEFAULT_SNAPSHOTTER = "overlayfs"
"""The snapshotter of calls that name none, where their namespace has no label that does."""

TARGET = "containerd.io/snapshot.ref"
"""The label of a snapshot that is made to be committed under this name; once that exists, none is made."""

_INHERITED = "containerd.io/snapshot/"


class Kind(IntEnum):
    """What can be done with a snapshot: read it, write to it, build on it. containerd: snapshots.Kind.

    A number that stands for no kind is UNKNOWN.
    """

    UNKNOWN = 0
    VIEW = 1
    ACTIVE = 2
    COMMITTED = 3

    @classmethod
    def _missing_(cls, value: object) -> Kind:
        return cls.UNKNOWN

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of a snapshot; `name` is its key until it is committed. containerd: snapshots.Info.

    The daemon sets all but name and labels; the times are UTC.
    """

    name: str
    parent: str = ""
    kind: Kind = Kind.UNKNOWN
    labels: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = field(default=None, repr=False)
    updated_at: datetime | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a snapshot takes on disk, without its parents; `size` is in bytes. containerd: snapshots.Usage."""

    size: int = 0
    inodes: int = 0


def inherited(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that a backend is told of. containerd: snapshots.FilterInheritedLabels."""
    return {key: value for key, value in labels.items() if key == TARGET or key.startswith(_INHERITED)}


class Trees(Protocol):
    """What can be done with the trees, whoever keeps them."""

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        """Make an active snapshot on top of a committed one, or an empty one; return its mounts, in order.

        Raises `AlreadyExists`, `NotFound` for the parent, `InvalidArgument` for one that is not committed.
        """
        ...

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        """Make a snapshot that is only read; return its mounts. Raises as `prepare`."""
        ...

    def mounts(self, key: str) -> Sequence[Mount]:
        """Return the mounts of a snapshot once more. Raises `NotFound`, `FailedPrecondition` if committed."""
        ...

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        """Turn an active snapshot into a committed one with these labels; its key is free again.

        Raises `AlreadyExists`, `NotFound`, `FailedPrecondition` for one that is not active.
        """
        ...

    def usage(self, key: str) -> Usage:
        """Return what a snapshot takes: an active one now, a committed one at its commit, a view nothing.

        Raises `NotFound`.
        """
        ...

    def remove(self, key: str) -> None:
        """Remove a snapshot. Raises `NotFound`, `FailedPrecondition` when it has children."""
        ...


class Backend(Trees, Protocol):
    """The trees of all namespaces: what a store keeps its records of. containerd: a snapshotter plugin.

    What it removes may stay on the disk until `cleanup`.
    """

    def list(self) -> Sequence[Info]:
        """Return all snapshots, parents before their children; times and labels may be missing."""
        ...

    def cleanup(self) -> None:
        """Free what removed and unfinished snapshots have left. containerd: snapshots.Cleaner."""
        ...

    def close(self) -> None:
        """Let go of all that is open; a second call does nothing."""
        ...


class Snapshotter(Trees, Protocol):
    """Where snapshots live, as far as one snapshotter keeps them. containerd: snapshots.Snapshotter.

    Every method works in the namespace of the context and raises `FailedPrecondition` without one.
    """

    def stat(self, key: str) -> Info:
        """Return what is known of a snapshot. Raises `NotFound`."""
        ...

    def update(self, info: Info, *fieldpaths: str) -> Info:
        """Change the labels, all or those that `fieldpaths` names as `labels.<key>`; return the record.

        Raises `InvalidArgument` for a field that cannot be updated, `NotFound`.
        """
        ...

    def list(self, *filters: str) -> Sequence[Info]:
        """Return the snapshots that match any of the filters, bytewise by key. containerd: Walk.

        Raises `InvalidArgument` for a filter that cannot be parsed; over the wire it is `Unknown`.
        """
        ...

    def cleanup(self) -> None:
        """Free what removed snapshots have left.

        Raises `Unimplemented` where the garbage collector alone does so, as in containerd 1.6.
        """
        ...
