"""What differs between two trees, and the archive that says so."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from pathlib import Path

import pytest

from companion.backend.diff.changes import Kind, changes
from companion.backend.diff.writing import ChangeWriter

TIME = 1_000_000_000


@pytest.fixture
def lower(tmp_path: Path) -> Path:
    return tree(tmp_path / "lower")


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    return tree(tmp_path / "upper")


def tree(root: Path) -> Path:
    (root / "d/inner").mkdir(parents=True)
    for name in ("a", "d/b", "d/inner/c"):
        write(root / name, "text")
    os.link(root / "a", root / "d/link")
    os.symlink("a", root / "soft")
    os.utime(root / "soft", (TIME, TIME), follow_symlinks=False)
    return root


def write(path: Path, text: str, time: float = TIME) -> None:
    path.write_text(text)
    os.utime(path, (time, time))


def modified(lower: Path, upper: Path) -> list[tuple[str, str]]:
    return [
        (change.kind.name.lower(), change.path)
        for change in changes(lower, upper)
        if change.kind is not Kind.UNMODIFIED
    ]


def written(lower: Path, upper: Path) -> list[str]:
    file = io.BytesIO()
    ChangeWriter(upper, file.write).write_all(changes(lower, upper))
    with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as archive:
        return [f"{header.name}{f' -> {header.linkname}' if header.islnk() else ''}" for header in archive]


def test_equal_trees_have_no_changes(lower: Path, upper: Path) -> None:
    assert modified(lower, upper) == []
    assert written(lower, upper) == []


def test_added_modified_and_deleted_in_the_order_of_a_walk(lower: Path, upper: Path) -> None:
    write(upper / "d/inner/c", "other text")
    (upper / "d/b").unlink()
    write(upper / "d!", "new")
    assert modified(lower, upper) == [("deleted", "d/b"), ("modified", "d/inner/c"), ("added", "d!")]
    assert written(lower, upper) == ["d", "d/.wh.b", "d/inner", "d/inner/c", "d!"]


def test_of_a_tree_that_is_gone_its_root_is_told(lower: Path, upper: Path) -> None:
    for path in ("d/inner/c", "d/b", "d/link"):
        (upper / path).unlink()
    (upper / "d/inner").rmdir()
    (upper / "d").rmdir()
    assert modified(lower, upper) == [("deleted", "d")]


@pytest.mark.parametrize(
    ("text", "time", "changed"),
    [("text", TIME, False), ("TEXT", TIME, True), ("text", TIME + 0.5, True), ("longer", TIME, True)],
    ids=["nothing", "the bytes within a second", "the time", "the size"],
)
def test_a_file_has_changed_by(lower: Path, upper: Path, text: str, time: float, changed: bool) -> None:
    write(upper / "d/b", text, time)
    assert modified(lower, upper) == ([("modified", "d/b")] if changed else [])


def test_bytes_are_not_read_where_the_time_has_fractions(lower: Path, upper: Path) -> None:
    write(lower / "d/b", "text", TIME + 0.5)
    write(upper / "d/b", "TEXT", TIME + 0.5)
    assert modified(lower, upper) == []


def test_modes_and_targets_of_links_count(lower: Path, upper: Path) -> None:
    (upper / "d").chmod(0o700)
    (upper / "soft").unlink()
    os.symlink("b", upper / "soft")
    os.utime(upper / "soft", (TIME, TIME), follow_symlinks=False)
    assert modified(lower, upper) == [("modified", "d"), ("modified", "soft")]


def test_what_becomes_of_another_kind_is_followed_on_its_own_side_only(lower: Path, upper: Path) -> None:
    (lower / "soft").unlink()
    (lower / "soft").mkdir()
    (lower / "soft/gone").touch()
    (upper / "a").unlink()
    (upper / "a").mkdir()
    (upper / "a/new").touch()
    assert modified(lower, upper) == [("modified", "a"), ("added", "a/new"), ("modified", "soft")]


def test_all_names_of_a_file_that_has_changed_are_written(lower: Path, upper: Path) -> None:
    (upper / "z").hardlink_to(upper / "a")
    assert written(lower, upper) == ["z", "a -> z", "d", "d/link -> z"]


def test_sockets_are_left_out(lower: Path, upper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(upper)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    write(upper / "file", "text")
    assert written(lower, upper) == ["file"]


def test_the_same_changes_make_the_same_bytes(lower: Path, upper: Path) -> None:
    (upper / "d/b").unlink()
    made = []
    for _ in range(2):
        file = io.BytesIO()
        ChangeWriter(upper, file.write).write_all(changes(lower, upper))
        made.append(file.getvalue())
    assert made[0] == made[1]
