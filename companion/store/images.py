"""The image store: records in the buckets `v1/<namespace>/images`. containerd: core/metadata/images.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from companion.api.services.images.v1 import images_pb2 as pb
from companion.convert import images as convert
from companion.convert.encoded import Encoded
from companion.core import epoch, images, namespaces
from companion.core.content import Descriptor
from companion.core.errors import AlreadyExists, InvalidArgument, NotFound
from companion.core.filters import parse_request
from companion.core.images import Image
from companion.core.quote import quote
from companion.core.trace import traced
from companion.store import image_rules
from companion.store.adaptors import image_fields, message_matcher
from companion.store.bucket import Bucket, DatabaseError, entries
from companion.store.database import Database, mark_dirty
from companion.store.labels import written


@traced("store")
class ImageStore(images.Store):
    """The records of all namespaces in one database. containerd: metadata.NewImageStore.

    To wait for a collection after a deletion with `sync` is up to the caller.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, name: str) -> Image:
        namespace = namespaces.required()
        return self._db.view(lambda root: _find(root, namespace, name)[1])

    def list(self, *filters: str) -> Sequence[Image]:
        namespace = namespaces.required()
        wanted = message_matcher(filters, parse_request(filters), pb.Image(), image_fields)
        found = self._db.view(
            lambda root: [raw for _, raw in entries(_bucket(root, namespace)) if wanted(raw)]
        )
        return Encoded(found, convert.decode)

    def create(self, image: Image) -> Image:
        namespace = namespaces.required()
        image_rules.validate(image)

        def write(root: Bucket) -> Image:
            bucket = root.create_bucket("v1", namespace, "images")
            if bucket.get(image.name) is not None:
                raise AlreadyExists(f"image {quote(image.name)}")
            now = epoch.now()
            return _write(bucket, replace(image, created_at=now, updated_at=now))

        return self._db.update(write)

    def update(self, image: Image, *fieldpaths: str) -> Image:
        namespace = namespaces.required()
        if not image.name:
            raise InvalidArgument("image name is required for update")

        def write(root: Bucket) -> Image:
            bucket, stored = _find(root, namespace, image.name)
            merged = image_rules.merge(stored, image, fieldpaths)
            image_rules.validate(merged)
            return _write(bucket, replace(merged, updated_at=epoch.now()))

        return self._db.update(write)

    def delete(self, name: str, *, sync: bool = False, target: Descriptor | None = None) -> None:
        namespace = namespaces.required()

        def write(root: Bucket) -> None:
            bucket, stored = _find(root, namespace, name)
            if target is not None and target.digest != stored.target.digest:
                raise NotFound(f"image {quote(name)} has target {stored.target.digest}, not {target.digest}")
            bucket.delete(name)
            mark_dirty("images")

        self._db.update(write)


def _bucket(root: Bucket, namespace: str) -> Bucket | None:
    return root.bucket("v1", namespace, "images")


def _find(root: Bucket, namespace: str, name: str) -> tuple[Bucket, Image]:
    bucket = _bucket(root, namespace)
    raw = None if bucket is None else bucket.get(name)
    if bucket is None or raw is None:
        raise NotFound(f"image {quote(name)}")
    return bucket, convert.decode(raw)


def _write(bucket: Bucket, image: Image) -> Image:
    target = image.target
    annotations = _written("Annotations", image.name, target.annotations)
    kept = replace(
        image,
        labels=_written("labels", image.name, image.labels),
        target=Descriptor(target.media_type, target.digest, target.size, annotations),
    )
    bucket.put(kept.name, convert.encode(kept))
    return kept


def _written(what: str, name: str, labels: Mapping[str, str]) -> dict[str, str]:
    try:
        return written(labels)
    except DatabaseError as error:
        raise DatabaseError(f"writing {what} for image {name}: {error}") from None
