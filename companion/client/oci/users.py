"""Users and groups as a root file system knows them: its /etc/passwd and /etc/group."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from companion.client.oci.root import read_in
from companion.core.errors import InvalidArgument, NotFound

MAX_ID = (1 << 31) - 1
"""The largest id of a user or a group: runc's limit."""

_NUMBER = re.compile("[+-]?[0-9]+")


@dataclass(frozen=True, slots=True)
class User:
    """A user; `gid` is the group to begin with."""

    name: str
    uid: int
    gid: int


def find_user(root: Path, wanted: Callable[[User], bool]) -> User:
    """Return the first user of /etc/passwd that is wanted.

    Raises `NotFound` for the user and for the file, `InvalidArgument` for an id that is too large.
    containerd: oci.UserFromPath.
    """
    for name, _, uid, gid in _lines(root, "/etc/passwd"):
        user = User(name, _number(uid), _number(gid))
        if wanted(user):
            return User(name, _id(user.uid), _id(user.gid))
    raise NotFound("no users found")


def find_gid(root: Path, name: str) -> int:
    """Return the id of a group of /etc/group. Raises as `find_user`. containerd: oci.GIDFromPath."""
    for group, _, gid, _ in _lines(root, "/etc/group"):
        if group == name:
            return _id(_number(gid))
    raise NotFound("no groups found")


def gids_of(root: Path, user: str) -> list[int]:
    """Return the groups of /etc/group that list a user, without the group named like it.

    Raises as `find_user`.
    """
    return [
        _id(_number(gid))
        for name, _, gid, members in _lines(root, "/etc/group")
        if name != user and user in members.split(",")
    ]


def ids_of(root: Path, user: str) -> tuple[int, int]:
    """Return user and group of `user[:group]`, each a name or a number.

    A number that is no id counts as a name. Raises as `find_user`. containerd: oci.WithUser.
    """
    name, colon, group = user.partition(":")
    uid, gid = _told(name), _told(group)
    if colon:
        uid = find_user(root, lambda user: user.name == name).uid if uid is None else uid
        return uid, find_gid(root, group) if gid is None else gid
    if uid is None:
        found = find_user(root, lambda user: user.name == name)
        return found.uid, found.gid
    try:
        return uid, find_user(root, lambda user: user.uid == uid).gid
    except NotFound:
        return uid, 0


def _told(word: str) -> int | None:
    """The id that is written; none at all, next to a colon, is 0."""
    if not word:
        return 0
    number = int(word) if _NUMBER.fullmatch(word) and len(word) < 20 else -1
    return number if 0 <= number <= MAX_ID else None


def _number(word: str) -> int:
    """What programs read out of such a file: no number is 0."""
    return int(word) if _NUMBER.fullmatch(word) and len(word) < 20 else 0


def _id(number: int) -> int:
    if not 0 <= number <= MAX_ID:
        raise InvalidArgument(f"{number} is no id of a user or group: it must be between 0 and {MAX_ID}")
    return number


def _lines(root: Path, path: str) -> Iterator[list[str]]:
    try:
        text = read_in(root, path).decode(errors="surrogateescape")
    except FileNotFoundError:
        raise NotFound(f"open {path}: no such file or directory") from None
    for line in text.split("\n"):
        if line.strip() and not line.lstrip().startswith("#"):
            yield (line.strip().split(":") + [""] * 3)[:4]
