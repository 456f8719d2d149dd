"""How the record of a snapshot may change. containerd: Update of core/metadata/snapshot.go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from companion.core.errors import InvalidArgument
from companion.core.quote import quote
from companion.core.snapshots import Info


def merge(stored: Info, given: Info, fieldpaths: Sequence[str]) -> Info:
    """Return `stored` with the labels of `given`: all, or those that `fieldpaths` names as `labels.<key>`.

    Raises `InvalidArgument` for any other path.
    """
    for path in fieldpaths or ("labels",):
        # Everything after the first dot is the key: a label's own name may have dots.
        field, dot, key = path.partition(".")
        if field != "labels":
            raise InvalidArgument(f"cannot update {quote(path)} field on snapshot {quote(stored.name)}")
        labels = {**stored.labels, key: given.labels.get(key, "")} if dot else given.labels
        stored = replace(stored, labels=labels)
    return stored
