"""What a container record must be, and how it may change.

containerd: validateContainer, and the switch in the update of core/metadata/containers.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from companion.core import identifiers
from companion.core.containers import Container
from companion.core.errors import Error, InvalidArgument
from companion.core.quote import quote
from companion.core.typeurl import Any
from companion.store.labels import validate_labels

MUTABLE = ("labels", "spec", "extensions", "image", "snapshotkey")
"""The field paths of an update that names none."""


def validate(container: Container, prefix: str) -> None:
    """Check a whole record, in containerd's order; `prefix` opens the text. Raises `InvalidArgument`."""
    try:
        identifiers.validate(container.id)
    except Error as error:
        raise error.wrap(f"{prefix}: container.ID") from None
    if "" in container.extensions:
        raise InvalidArgument(f"{prefix}: container.Extension keys must not be zero-length")
    validate_labels(container.labels, f"{prefix}: containers.Labels")
    if not container.runtime.name:
        raise InvalidArgument(f"{prefix}: container.Runtime.Name must be set")
    if container.spec is None:
        raise InvalidArgument(f"{prefix}: container.Spec must be set")
    if container.snapshot_key and not container.snapshotter:
        raise InvalidArgument(f"{prefix}: container.Snapshotter must be set if container.SnapshotKey is set")


def merge(stored: Container, given: Container, fieldpaths: Sequence[str]) -> Container:
    """Return `stored` with the fields of `given` that `fieldpaths` names; without any, all that may change.

    Raises `InvalidArgument` for a path that names nothing that may change.
    """
    if not fieldpaths:
        if given.snapshotter != stored.snapshotter:
            raise InvalidArgument("container.Snapshotter field is immutable")
        if given.runtime.name != stored.runtime.name:
            raise InvalidArgument("container.Runtime.Name field is immutable")
    for path in fieldpaths or MUTABLE:
        stored = _apply(stored, given, path)
    return stored


def _apply(stored: Container, given: Container, path: str) -> Container:
    # Everything after the first dot is the key: a label's own name may have dots.
    field, dot, key = path.partition(".")
    match field, bool(dot):
        case "labels", True:
            return replace(stored, labels={**stored.labels, key: given.labels.get(key, "")})
        case "labels", False:
            return replace(stored, labels=given.labels)
        case "extensions", True:
            extension = given.extensions.get(key, Any("", b""))
            return replace(stored, extensions={**stored.extensions, key: extension})
        case "extensions", False:
            return replace(stored, extensions=given.extensions)
        case "spec", False:
            return replace(stored, spec=given.spec)
        case "image", False:
            return replace(stored, image=given.image)
        case "snapshotkey", False:
            return replace(stored, snapshot_key=given.snapshot_key)
    raise InvalidArgument(f"cannot update {quote(path)} field on {quote(stored.id)}")
