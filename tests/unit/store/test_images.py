"""The image store: what shows in the database, and in it only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.convert import images as convert
from companion.convert.encoded import Encoded
from companion.core.content import Descriptor
from companion.core.errors import InvalidArgument, NotFound
from companion.core.images import Image
from companion.core.namespaces import namespace
from companion.core.platforms import Platform
from companion.store.bucket import Bucket, DatabaseError
from companion.store.database import Database
from companion.store.images import ImageStore

TARGET = Descriptor("m", f"sha256:{'a' * 64}", 7)
IMAGE = Image("i", TARGET)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "meta.db") as db:
        yield db


@pytest.fixture
def store(db: Database) -> Iterator[ImageStore]:
    with namespace("builder"):
        yield ImageStore(db)


def stored(db: Database, name: str) -> bytes | None:
    def read(root: Bucket) -> bytes | None:
        bucket = root.bucket("v1", "builder", "images")
        return None if bucket is None else bucket.get(name)

    return db.view(read)


def test_an_image_is_kept_under_its_name(store: ImageStore, db: Database) -> None:
    created = store.create(IMAGE)
    assert stored(db, "i") == convert.encode(created)


def test_a_list_has_the_bytes_that_are_stored(store: ImageStore, db: Database) -> None:
    store.create(IMAGE)
    found = store.list()
    assert isinstance(found, Encoded)
    assert found.raw == [stored(db, "i")]


def test_urls_and_platform_of_a_target_are_not_kept(store: ImageStore) -> None:
    target = Descriptor("m", TARGET.digest, 7, {}, Platform("linux", "amd64"), ("https://example.com",))
    assert store.create(Image("i", target)).target == TARGET
    assert store.get("i").target == TARGET


def test_an_image_has_a_name(store: ImageStore) -> None:
    with pytest.raises(InvalidArgument, match=r"^image name must not be empty: invalid argument$"):
        store.create(Image("", TARGET))
    with pytest.raises(InvalidArgument, match=r"^image name is required for update: invalid argument$"):
        store.update(Image("", TARGET))


def test_a_label_without_a_key_is_refused(store: ImageStore, db: Database) -> None:
    with pytest.raises(DatabaseError, match=r'^writing labels for image i: failed to set label ""="v"'):
        store.create(Image("i", TARGET, {"": "v"}))
    with pytest.raises(DatabaseError, match=r"^writing Annotations for image i: "):
        store.create(Image("i", Descriptor("m", TARGET.digest, 7, {"": "v"})))
    assert stored(db, "i") is None


def test_calls_join_the_transaction_that_they_are_in(store: ImageStore, db: Database) -> None:
    def both(_: Bucket) -> None:
        store.create(IMAGE)
        store.delete("nope")

    with pytest.raises(NotFound):
        db.update(both)
    assert stored(db, "i") is None


def test_a_call_that_finds_nothing_makes_no_namespace(store: ImageStore, db: Database) -> None:
    def missed(root: Bucket) -> bool:
        for call in (lambda: store.delete("i"), lambda: store.update(IMAGE)):
            with pytest.raises(NotFound):
                call()
        return root.bucket("v1", "builder") is None

    assert db.update(missed)
