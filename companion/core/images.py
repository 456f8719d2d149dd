"""The image record and the store protocol that stands at both ends of the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from companion.core.content import Descriptor
from companion.core.errors import AlreadyExists, NotFound


@dataclass(frozen=True, slots=True)
class Image:
    """A name for content: the name is any text, the target says what it stands for. containerd: images.Image.

    The target need not exist. The daemon sets both times (UTC); what a caller puts there is ignored. They
    are left out of the representation, so that it is the same on every run.
    """

    name: str
    target: Descriptor = field(default_factory=Descriptor)
    labels: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = field(default=None, repr=False)
    updated_at: datetime | None = field(default=None, repr=False)


class Store(Protocol):
    """Where image records live. containerd: images.Store.

    Every method works in the namespace of the context and raises `FailedPrecondition` without one.
    """

    def get(self, name: str) -> Image:
        """Return the record. Raises `NotFound`."""
        ...

    def list(self, *filters: str) -> Sequence[Image]:
        """Return the records that match any of the filters, bytewise by name; without a filter, all.

        Raises `InvalidArgument` for a filter that cannot be parsed.
        """
        ...

    def create(self, image: Image) -> Image:
        """Write a new record and return it with its times. Raises `InvalidArgument`, `AlreadyExists`."""
        ...

    def update(self, image: Image, *fieldpaths: str) -> Image:
        """Change the fields named by `fieldpaths`, or all that may change, and return the merged record.

        Raises `InvalidArgument` for a field that cannot be updated, `NotFound`.
        """
        ...

    def delete(self, name: str, *, sync: bool = False, target: Descriptor | None = None) -> None:
        """Remove the record; `sync` waits until what it alone held is gone.

        With `target`, only while the record stands for that digest. Raises `NotFound`.
        """
        ...


def put(store: Store, image: Image, *fieldpaths: str) -> Image:
    """Write a record, or where its name is taken update that one, and return it. Raises `InvalidArgument`.

    containerd: Client.createNewImage.
    """
    while True:
        with suppress(AlreadyExists):
            return store.create(image)
        # Somebody may delete it in between.
        with suppress(NotFound):
            return store.update(image, *fieldpaths)
