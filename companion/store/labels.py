"""How labels are written: containerd: boltutil.WriteLabels."""

from __future__ import annotations

from collections.abc import Mapping

from companion.core.quote import quote
from companion.store.bucket import DatabaseError


def written(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that a record keeps: an empty value means that there is no such label.

    Raises `DatabaseError` for a value without a key.
    """
    if labels.get(""):
        raise DatabaseError(f'failed to set label ""={quote(labels[""])}: key required')
    return {key: value for key, value in labels.items() if value}
