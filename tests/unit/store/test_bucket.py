"""Buckets: a tree over flat keys that keeps the bytewise order of any names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.store.bucket import Bucket, DatabaseError
from companion.store.database import Database

# Names too long for a key of LMDB, names that share a long head, names with the separator in them.
NAMES = st.one_of(
    st.text(min_size=1, max_size=8),
    st.text(alphabet="\0\1\2a", min_size=1, max_size=6),
    st.text(alphabet="ab", min_size=1, max_size=3).map(lambda tail: "x" * 79 + tail),
    st.text(alphabet="é", min_size=30, max_size=300),
)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with Database(tmp_path_factory.mktemp("db") / "meta.db") as db:
        yield db


class Undo(Exception):
    """Raised at the end of a test's transaction, so that the next example finds an empty tree."""


def bytewise(names: set[str]) -> list[str]:
    return sorted(names, key=str.encode)


@given(names=st.sets(NAMES), inner=st.sets(NAMES))
def test_a_bucket_gives_back_its_names_in_bytewise_order(
    db: Database, names: set[str], inner: set[str]
) -> None:
    def check(root: Bucket) -> None:
        bucket = root.create_bucket("top")
        for name in names:
            bucket.put(name, name.encode())
        for name in inner:
            bucket.create_bucket(name, "deeper").put("k", b"v")
        assert list(bucket.items()) == [(name, name.encode()) for name in bytewise(names)]
        assert list(bucket.buckets()) == bytewise(inner)
        assert all(bucket.get(name) == name.encode() for name in names)
        raise Undo

    with pytest.raises(Undo):
        db.update(check)


@given(name=NAMES, other=NAMES)
def test_deleting_a_bucket_takes_all_of_it_and_nothing_else(db: Database, name: str, other: str) -> None:
    def check(root: Bucket) -> None:
        top = root.create_bucket("top")
        top.put(name, b"a value of the same name")
        top.create_bucket(name, "deeper").put("k", b"v")
        top.create_bucket(other).put("k", b"v")
        top.delete_bucket(name)
        assert top.bucket(name) is None
        assert top.bucket(name, "deeper") is None
        assert top.get(name) == b"a value of the same name"
        assert (top.bucket(other) is None) == (other == name)
        raise Undo

    with pytest.raises(Undo):
        db.update(check)


def test_the_deepest_path_of_containerds_tree_fits(db: Database) -> None:
    def check(root: Bucket) -> None:
        names = [letter * 300 for letter in "abcd"]
        bucket = root.create_bucket("v1", names[0], "leases", names[1], "snapshots", names[2])
        bucket.put(names[3], b"")
        assert list(bucket.items()) == [(names[3], b"")]
        raise Undo

    with pytest.raises(Undo):
        db.update(check)


def test_an_empty_key_is_refused(db: Database) -> None:
    with pytest.raises(DatabaseError, match=r"^key required$"):
        db.update(lambda root: root.put("", b""))


def test_an_empty_bucket_name_is_refused(db: Database) -> None:
    with pytest.raises(DatabaseError, match=r"^bucket name required$"):
        db.update(lambda root: root.create_bucket(""))


def test_deleting_a_key_tells_whether_it_was_there(db: Database) -> None:
    def check(root: Bucket) -> tuple[bool, bool]:
        root.put("k", b"")
        return root.delete("k"), root.delete("k")

    assert db.update(check) == (True, False)


@given(names=st.sets(NAMES, min_size=2))
def test_every_bucket_counts_for_itself_and_the_count_is_not_among_its_contents(
    db: Database, names: set[str]
) -> None:
    def check(root: Bucket) -> None:
        top = root.create_bucket("top")
        for expected in (1, 2, 3):
            assert {top.create_bucket(name).next_sequence() for name in names} == {expected}
        assert all(top.create_bucket(name).empty() for name in names)
        assert list(top.buckets()) == bytewise(names)
        raise Undo

    with pytest.raises(Undo):
        db.update(check)


def test_a_bucket_made_anew_counts_anew(db: Database) -> None:
    def check(root: Bucket) -> None:
        assert [root.create_bucket("top").next_sequence() for _ in range(2)] == [1, 2]
        root.delete_bucket("top")
        assert root.create_bucket("top").next_sequence() == 1
        raise Undo

    with pytest.raises(Undo):
        db.update(check)
