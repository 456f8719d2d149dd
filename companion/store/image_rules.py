"""What an image record must be, and how it may change.

containerd: validateImage, and the switch in the update of core/metadata/images.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from companion.core import digests
from companion.core.content import Descriptor
from companion.core.errors import Error, InvalidArgument
from companion.core.images import Image
from companion.core.quote import quote
from companion.store.labels import validate_labels

MUTABLE = ("labels", "target")
"""The field paths of an update that names none."""


def validate(image: Image) -> None:
    """Check a whole record, in containerd's order. Raises `InvalidArgument`."""
    if not image.name:
        raise InvalidArgument("image name must not be empty")
    validate_labels(image.labels, "image.Labels")
    _validate_target(image.target)


def _validate_target(target: Descriptor) -> None:
    try:
        digests.validate(target.digest)
    except Error as error:
        raise error.wrap(f"Target.Digest {quote(target.digest)} invalid") from None
    if target.size <= 0:
        raise InvalidArgument("Target.Size must be greater than zero")
    if not target.media_type:
        raise InvalidArgument("Target.MediaType must be set")


def merge(stored: Image, given: Image, fieldpaths: Sequence[str]) -> Image:
    """Return `stored` with the fields of `given` that `fieldpaths` names; without any, all that may change.

    Raises `InvalidArgument` for a path that names nothing that may change.
    """
    for path in fieldpaths or MUTABLE:
        stored = _apply(stored, given, path)
    return stored


def _apply(stored: Image, given: Image, path: str) -> Image:
    # Everything after the first dot is the key: a label's own name may have dots.
    field, dot, key = path.partition(".")
    match field, bool(dot):
        case "labels", True:
            return replace(stored, labels={**stored.labels, key: given.labels.get(key, "")})
        case "labels", False:
            return replace(stored, labels=given.labels)
        case "target", False:
            return replace(stored, target=given.target)
        case "annotations", True:
            annotations = {**stored.target.annotations, key: given.target.annotations.get(key, "")}
            return replace(stored, target=replace(stored.target, annotations=annotations))
        case "annotations", False:
            annotations = dict(given.target.annotations)
            return replace(stored, target=replace(stored.target, annotations=annotations))
    raise InvalidArgument(f"cannot update {quote(path)} field on image {quote(stored.name)}")
