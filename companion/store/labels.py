"""The labels of records: their rule, how they change, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from companion.core import labels
from companion.core.errors import Error, InvalidArgument
from companion.core.quote import quote
from companion.store.bucket import DatabaseError


def validate_labels(given: Mapping[str, str], what: str = "info.Labels") -> None:
    """Check labels one by one; `what` opens the text. Raises `InvalidArgument`."""
    try:
        for key, value in given.items():
            labels.validate(key, value)
    except Error as error:
        raise error.wrap(what) from None


def merge_labels(
    stored: Mapping[str, str], given: Mapping[str, str], fieldpaths: Sequence[str], record: str
) -> Mapping[str, str]:
    """Return `stored` with what is `given`: all, or the keys that `fieldpaths` names as `labels.<key>`.

    Raises `InvalidArgument` for any other path; `record` is what its text calls the record.
    """
    for path in fieldpaths or ("labels",):
        # Everything after the first dot is the key: a label's own name may have dots.
        field, dot, key = path.partition(".")
        if field != "labels":
            raise InvalidArgument(f"cannot update {quote(path)} field on {record}")
        stored = {**stored, key: given.get(key, "")} if dot else given
    return stored


def written(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that a record keeps: an empty value means that there is no such label.

    Raises `DatabaseError` for a value without a key. containerd: boltutil.WriteLabels.
    """
    if labels.get(""):
        raise DatabaseError(f'failed to set label ""={quote(labels[""])}: key required')
    return {key: value for key, value in labels.items() if value}
