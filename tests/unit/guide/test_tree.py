"""The figure of a database: a row for each key, the tree beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.guide.figures.tree import bucket_tree
from companion.store.bucket import Bucket
from companion.store.database import Database
from tests.unit.guide.svgs import inches_wide, words


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "meta.db") as db:
        yield db


def fill(db: Database) -> None:
    def write(root: Bucket) -> None:
        containers = root.create_bucket("v1", "builder", "containers")
        containers.put("debian", b"1")
        containers.put("alpine", b"2")
        root.create_bucket("v1", "builder", "leases")

    db.update(write)


def test_an_empty_database_holds_its_format(db: Database) -> None:
    assert bucket_tree(db).desc == "meta.db/\n  format"


def test_the_description_is_the_tree_with_a_slash_after_each_bucket(db: Database) -> None:
    fill(db)
    assert bucket_tree(db).desc.splitlines() == [
        "meta.db/",
        "  format",
        "  v1/",
        "    builder/",
        "      containers/",
        "        alpine",
        "        debian",
        "      leases/",
    ]


def test_every_row_shows_the_name_and_the_key(db: Database) -> None:
    fill(db)
    shown = words(bucket_tree(db))[2:]
    assert shown[0] == "meta.db"
    assert list(zip(shown[1::2], shown[2::2], strict=True)) == [
        ("format", "format"),
        ("v1", r"v1\0"),
        ("builder", r"v1\0builder\0"),
        ("containers", r"v1\0builder\0containers\0"),
        ("alpine", r"v1\0builder\0containers\0alpine"),
        ("debian", r"v1\0builder\0containers\0debian"),
        ("leases", r"v1\0builder\0leases\0"),
    ]


def test_a_name_that_is_no_text_of_xml_is_written_with_escapes(db: Database) -> None:
    db.update(lambda root: root.put("a\1b", b""))
    assert bucket_tree(db).desc.splitlines()[1] == r"  a\x01\x02b"
    assert r"a\x01\x02b" in words(bucket_tree(db))


def test_a_deep_tree_of_long_names_fits_a_page_of_a_notebook(db: Database) -> None:
    db.update(lambda root: root.create_bucket(*["x" * 70] * 6))
    assert inches_wide(bucket_tree(db)) <= 7.5
