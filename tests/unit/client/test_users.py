"""Users and groups by the names that a root file system knows, and how its files are reached."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from companion.client import Client, oci
from companion.client.oci import root
from companion.client.oci.root import read_in
from companion.core.containers import Container
from companion.core.errors import Error, FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
 alice:x:1000:1001::/srv:/bin/sh
twin:x:1000:7::/:/bin/sh

short:x:5
odd:x:many:more
huge:x:4294967296:1
negative:x:1:-5
"""
GROUP = """\
root:x:0:
# staff:x:1:alice
staff:x:50:root,alice
video:x:44:bob,alice
alice:x:1001:alice
empty:x:60:
huge:x:2147483648:bob
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text(GROUP)
    return tmp_path


NEITHER = Container("debian")


def user_of(tree: Path | str, user: str, container: Container = NEITHER) -> dict[str, object]:
    spec: oci.Spec = {"root": {"path": str(tree)}, "process": {"user": {"uid": 3, "gid": 4}}}
    with Client(default_namespace="testing") as client:
        oci.with_user(user)(client, container, spec)
    found: dict[str, object] = spec["process"]["user"]
    return found


@pytest.mark.parametrize(
    ("user", "uid", "gid", "gids"),
    [
        ("", 3, 4, [4, 50]),
        ("root", 0, 0, [0, 50]),
        ("alice", 1000, 1001, [1001, 50, 44]),
        ("1000", 1000, 1001, [1001, 50, 44]),
        ("+1000", 1000, 1001, [1001, 50, 44]),
        ("twin", 1000, 7, [7, 50, 44]),
        ("1000:44", 1000, 44, [50, 44]),
        ("alice:staff", 1000, 50, [50, 44]),
        ("alice:7", 1000, 7, [7, 50, 44]),
        ("1000:staff", 1000, 50, [50, 44]),
        ("1000:", 1000, 0, [0, 50, 44]),
        (":44", 0, 44, [44, 50]),
        (":", 0, 0, [0, 50]),
        ("2000", 2000, 0, [0]),
        ("2000:3000", 2000, 3000, [3000]),
        ("2147483647:2147483647", 2147483647, 2147483647, [2147483647]),
        ("short", 5, 0, [0]),
        ("odd", 0, 0, [0, 50]),
    ],
)
def test_a_user_is_found(user: str, uid: int, gid: int, gids: list[int], tree: Path) -> None:
    assert user_of(tree, user) == {"uid": uid, "gid": gid, "additionalGids": gids}


@pytest.mark.parametrize(
    ("user", "error", "text"),
    [
        ("nobody", NotFound, "no users found"),
        ("-1", NotFound, "no users found"),
        ("2147483648", NotFound, "no users found"),
        ("99999999999999999999", NotFound, "no users found"),
        ("1e3", NotFound, "no users found"),
        ("٣", NotFound, "no users found"),
        ("nobody:staff", NotFound, "no users found"),
        ("alice:nogrp", NotFound, "no groups found"),
        ("1000:-1", NotFound, "no groups found"),
        ("a:b:c", InvalidArgument, "invalid USER value a:b:c"),
        (
            "huge",
            InvalidArgument,
            "4294967296 is no id of a user or group: it must be between 0 and 2147483647",
        ),
        ("negative", InvalidArgument, "-5 is no id of a user or group: it must be between 0 and 2147483647"),
        ("1000:huge", InvalidArgument, "2147483648 is no id of a user or group"),
    ],
)
def test_refused(user: str, error: type[Error], text: str, tree: Path) -> None:
    with pytest.raises(error, match=f"^{text}"):
        user_of(tree, user)


def test_without_files_a_number_will_do(tmp_path: Path) -> None:
    assert user_of(tmp_path, "1000") == {"uid": 1000, "gid": 0, "additionalGids": [0]}
    assert user_of(tmp_path, "") == {"uid": 3, "gid": 4, "additionalGids": [4]}
    with pytest.raises(NotFound, match=r"^open /etc/passwd: no such file or directory"):
        user_of(tmp_path, "alice")
    with pytest.raises(NotFound, match=r"^open /etc/group: no such file or directory"):
        user_of(tmp_path, "1000:staff")


def test_bytes_that_are_no_text_do_no_harm(tree: Path) -> None:
    (tree / "etc/passwd").write_bytes(b"\xff\xfe:x:1:1\nalice:x:1000:1001\r\n")
    assert user_of(tree, "alice")["uid"] == 1000


@pytest.mark.parametrize(
    ("container", "path", "text"),
    [
        (Container("debian"), "rootfs", "rootfs absolute path is required"),
        (Container("debian", snapshot_key="key"), "/", "no snapshotter set for container"),
        (Container("debian", snapshotter="native"), "/", "rootfs snapshot not created for container"),
    ],
)
def test_without_a_root_there_are_no_users(container: Container, path: str, text: str) -> None:
    with pytest.raises(FailedPrecondition, match=f"^{text}"):
        user_of(path, "alice", container)


@pytest.mark.parametrize(
    ("links", "path"),
    [
        ({}, "/etc/passwd"),
        ({}, "etc/../../../etc/./passwd"),
        ({"link": "etc/passwd"}, "link"),
        ({"link": "/etc/passwd"}, "link"),
        ({"link": "../../../../etc/passwd"}, "link"),
        ({"etc/link": "passwd"}, "etc/link"),
        ({"etc/link": "../etc/passwd"}, "etc/link"),
        ({"link": "/other", "other": "./etc//"}, "link/passwd"),
        ({"deep": "etc", "etc/up": "..", "etc/again": "/deep/up/../deep"}, "etc/again/passwd"),
    ],
)
def test_links_lead_nowhere_out_of_the_root(links: dict[str, str], path: str, tree: Path) -> None:
    for name, target in links.items():
        (tree / name).symlink_to(target)
    assert read_in(tree, path) == PASSWD.encode()


def test_what_is_outside_is_not_there(tree: Path) -> None:
    (tree / "root").mkdir()
    (tree / "root/link").symlink_to("../etc/passwd")
    with pytest.raises(FileNotFoundError):
        read_in(tree / "root", "link")


@pytest.mark.parametrize("path", ["loop", "etc/passwd/x", "dangling", "etc/nothing"])
def test_a_file_that_cannot_be_read(path: str, tree: Path) -> None:
    (tree / "loop").symlink_to("loop")
    (tree / "dangling").symlink_to("nothing")
    with pytest.raises(OSError, match="Errno"):
        read_in(tree, path)


def test_only_files_are_read(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    for path in ("pipe", "etc", "/", ".."):
        with pytest.raises(InvalidArgument, match=f"^{path} is not a regular file"):
            read_in(tree, path)


def test_a_large_file_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root, "MAX_SIZE", 10)
    with pytest.raises(ResourceExhausted, match="/etc/passwd is larger than the maximum size"):
        user_of(tree, "alice")


def test_nothing_is_left_open(tree: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    read_in(tree, "etc/../etc/passwd")
    with pytest.raises(FileNotFoundError):
        read_in(tree, "etc/nothing")
    assert len(os.listdir("/proc/self/fd")) == before
