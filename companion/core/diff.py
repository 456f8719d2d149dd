"""Differs: from a layer to a tree, and from two trees to a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from companion.core.content import Descriptor
from companion.core.mounts import Mount


class Applier(Protocol):
    """What unpacks layers. containerd: diff.Applier."""

    def apply(self, layer: Descriptor, mounts: Sequence[Mount]) -> Descriptor:
        """Unpack a layer onto mounts; return the descriptor of the plain archive: its digest is the diff id.

        Raises `NotFound` for a layer that is not in the namespace of the context, and what a bad archive is
        refused with.
        """
        ...


class Comparer(Protocol):
    """What makes layers. containerd: diff.Comparer."""

    def compare(
        self,
        lower: Sequence[Mount],
        upper: Sequence[Mount],
        *,
        media_type: str = "",
        ref: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Descriptor:
        """Write what leads from the tree `lower` to the tree `upper` into the content store, as a layer.

        Without a `media_type` it is a compressed OCI layer, without a `ref` the ingest has one of its own.
        Raises `Unimplemented` for another media type than a layer's.
        """
        ...


class Service(Applier, Comparer, Protocol):
    """Both ways. containerd: client.DiffService."""
