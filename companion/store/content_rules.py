"""How the record of a blob may change. containerd: validateInfo, and Update of core/metadata/content.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from companion.core import labels
from companion.core.content import Info
from companion.core.errors import Error, InvalidArgument
from companion.core.quote import quote


def validate_labels(given: Mapping[str, str]) -> None:
    """Check labels one by one. Raises `InvalidArgument`."""
    try:
        for key, value in given.items():
            labels.validate(key, value)
    except Error as error:
        raise error.wrap("info.Labels") from None


def merge(stored: Info, given: Info, fieldpaths: Sequence[str]) -> Info:
    """Return `stored` with the labels of `given`: all, or those that `fieldpaths` names as `labels.<key>`.

    Raises `InvalidArgument` for any other path.
    """
    for path in fieldpaths or ("labels",):
        # Everything after the first dot is the key: a label's own name may have dots.
        field, dot, key = path.partition(".")
        if field != "labels":
            raise InvalidArgument(f"cannot update {quote(path)} field on content info {quote(stored.digest)}")
        labels = {**stored.labels, key: given.labels.get(key, "")} if dot else given.labels
        stored = replace(stored, labels=labels)
    return stored
