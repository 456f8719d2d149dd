"""Trees on the disk: measured, copied, removed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, socket
from tempfile import TemporaryDirectory

import pytest

from companion.backend.snapshots.trees import copy_tree, disk_usage, remove_tree

YEAR_2001 = 981173106_123456789
"""A time, in nanoseconds short of a second too precise for floats."""

UID = 12345

UNPRIVILEGED = f"""\
import os, sys
from pathlib import Path
import companion.backend.snapshots.native
from companion.backend.snapshots.trees import copy_tree, disk_usage, remove_tree
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({UID})
    os.setuid({UID})
source, target = map(Path, sys.argv[1:])
"""
"""The beginning of a script without privileges; they go late, as Python itself may be root's alone."""


def entries(tree: Path) -> dict[str, tuple[object, ...]]:
    """All in a tree by its path, with what a copy must keep; files of several names by the first of them."""
    found: dict[str, tuple[object, ...]] = {}
    names: dict[int, str] = {}
    for path in sorted([tree, *tree.rglob("*")]):
        name, about = str(path.relative_to(tree)), path.lstat()
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        same = names.setdefault(about.st_ino, name)
        attributes = {key: os.getxattr(path, key, follow_symlinks=False) for key in _attributes(path)}
        owner, time = (about.st_uid, about.st_gid), about.st_mtime_ns
        found[name] = (about.st_mode, owner, time, about.st_rdev, content, same, attributes)
    return found


def _attributes(path: Path) -> list[str]:
    return [key for key in os.listxattr(path, follow_symlinks=False) if not key.startswith("security.s")]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one of everything that needs no privileges."""
    tree = tmp_path / "tree"
    (tree / "directory/empty").mkdir(parents=True)
    (tree / "file").write_bytes(os.urandom(10_000))
    (tree / "file").chmod(0o4751)
    os.link(tree / "file", tree / "directory/link")
    (tree / "sparse").touch()
    os.truncate(tree / "sparse", 1 << 20)
    (tree / "symlink").symlink_to("/etc/passwd")
    (tree / "dangling").symlink_to("nowhere")
    (tree / "loop").symlink_to(".")
    os.mkfifo(tree / "fifo")
    with suppress(OSError):  # not on every file system
        os.setxattr(tree / "file", "user.key", b"value")
        os.setxattr(tree / "directory", "user.key", b"value")
    for name in ("file", "symlink", "fifo", "directory/empty"):
        os.utime(tree / name, ns=(YEAR_2001, YEAR_2001), follow_symlinks=False)
    (tree / "directory").chmod(0o1577)
    os.utime(tree / "directory", ns=(YEAR_2001, YEAR_2001))
    return tree


def test_a_copy_is_the_same(tree: Path, tmp_path: Path) -> None:
    copy_tree(tree, tmp_path / "copy")
    assert entries(tmp_path / "copy") == entries(tree)


def test_a_copy_shares_no_files_with_its_original(tree: Path, tmp_path: Path) -> None:
    copy_tree(tree, tmp_path / "copy")
    (tmp_path / "copy/directory/link").chmod(0o600)
    (tmp_path / "copy/directory/link").write_text("changed")
    assert (tmp_path / "copy/file").read_text() == "changed"
    assert (tree / "file").stat().st_size == 10_000


def test_a_socket_is_copied(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with socket(AF_UNIX) as listener:
        listener.bind(str(tmp_path / "tree/socket"))
    copy_tree(tmp_path / "tree", tmp_path / "copy")
    assert stat.S_ISSOCK((tmp_path / "copy/socket").stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners and devices")
def test_root_copies_owners_and_devices(tree: Path, tmp_path: Path) -> None:
    os.mknod(tree / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(tree / "block", 0o600 | stat.S_IFBLK, os.makedev(7, 0))
    for number, path in enumerate(sorted(tree.rglob("*"))):
        os.chown(path, 1000 + number, 2000 + number, follow_symlinks=False)
    (tree / "file").chmod(0o6751)  # an owner that changes takes these bits away
    with suppress(OSError):
        os.setxattr(tree / "file", "trusted.key", b"value")
    copy_tree(tree, tmp_path / "copy")
    assert entries(tmp_path / "copy") == entries(tree)


def test_a_tree_is_measured_in_blocks(tree: Path) -> None:
    inodes = {path.lstat().st_ino: path.lstat().st_blocks for path in [tree, *tree.rglob("*")]}
    usage = disk_usage(tree)
    assert (usage.size, usage.inodes) == (sum(inodes.values()) * 512, len(inodes))
    assert usage.size < 1 << 20


def test_a_tree_is_removed_and_nothing_outside(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tree / "directory/out").symlink_to(outside)
    remove_tree(tree)
    assert not tree.exists()
    assert (outside / "kept").exists()


def test_there_may_be_no_tree_to_remove(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")


def test_a_link_in_place_of_a_tree_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with pytest.raises(NotADirectoryError):
        remove_tree(tmp_path / "link")
    assert (tmp_path / "kept").is_dir()


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A tree deeper than a path may be long, and than Python calls itself."""
    start = Path.cwd()
    os.chdir(tmp_path)
    for _ in range(3000):
        os.mkdir("deep")
        os.chdir("deep")
    Path("file").touch()
    os.chdir(start)
    yield tmp_path / "deep"
    remove_tree(tmp_path / "deep")


def test_a_tree_may_be_deep(deep: Path) -> None:
    remove_tree(deep)
    assert not deep.exists()


def test_a_copy_may_be_deep(tmp_path: Path) -> None:
    path = tmp_path / "tree"
    for _ in range(1500):
        path /= "d"
    subprocess.run(["mkdir", "-p", path], check=True)
    copy_tree(tmp_path / "tree", tmp_path / "copy")
    assert disk_usage(tmp_path / "copy").inodes == 1501
    for name in ("tree", "copy"):
        remove_tree(tmp_path / name)


def without_privileges(script: str, *paths: Path) -> str:
    """Run a script as an ordinary user, who owns the paths; return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED + script, *paths], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.fixture
def own(tree: Path) -> Iterator[Path]:
    """A directory that belongs to an ordinary user, with the tree in it."""
    with TemporaryDirectory() as directory:  # not below pytest's own, which is closed to others
        own = Path(directory)
        tree.rename(own / "tree")
        if os.geteuid() == 0:
            for path in [own, *own.rglob("*")]:
                os.chown(path, UID, UID, follow_symlinks=False)
            (own / "tree/file").chmod(0o4751)
        yield own


def test_without_privileges_a_copy_is_the_same(own: Path) -> None:
    without_privileges("copy_tree(source, target)", own / "tree", own / "copy")
    assert entries(own / "copy") == entries(own / "tree")


def test_without_privileges_what_forbids_its_owner_to_read_is_copied(own: Path) -> None:
    (own / "tree/file").chmod(0)
    without_privileges("copy_tree(source, target)", own / "tree", own / "copy")
    found = without_privileges(
        "print([oct(path.stat().st_mode & 0o7777) for path in (source, target)])",
        own / "tree/file",
        own / "copy/file",
    )
    assert found == "['0o0', '0o0']\n"


def test_without_privileges_what_forbids_its_owner_to_write_is_removed(own: Path) -> None:
    (own / "tree/directory/empty").chmod(0)
    (own / "tree/directory").chmod(0o500)
    without_privileges("remove_tree(source)", own / "tree", own)
    assert not (own / "tree").exists()


def test_without_privileges_what_cannot_be_looked_into_is_measured_from_outside(own: Path) -> None:
    before = disk_usage(own / "tree").inodes
    (own / "tree/directory").chmod(0)
    assert without_privileges("print(disk_usage(source).inodes)", own / "tree", own) == f"{before - 1}\n"
    (own / "tree/directory").chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners and devices")
def test_without_privileges_devices_are_left_out_and_owners_are_the_user(own: Path) -> None:
    os.mknod(own / "tree/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.link(own / "tree/null", own / "tree/null2")
    (own / "tree/alien").write_text("text")
    without_privileges("copy_tree(source, target)", own / "tree", own / "copy")
    assert (own / "copy/alien").stat().st_uid == UID
    assert not (own / "copy/null").exists()
    assert set(entries(own / "tree")) - set(entries(own / "copy")) == {"null", "null2"}
