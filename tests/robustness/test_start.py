"""A daemon takes its root, its database and its socket, or says on one line why it does not."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from companion.store.database import Database
from tests.notebooks.test_unprivileged import as_ordinary_user
from tests.robustness.place import Place

DATABASE = "io.containerd.metadata.v1.bolt"


def test_root_and_state_in_one_directory_are_refused(place: Place) -> None:
    assert place.refusal("--state", str(place.root)) == "root and state must be different paths"


@pytest.mark.parametrize("below", ["", "/root"], ids=["the root itself", "a parent of the root"])
def test_a_file_where_the_root_should_be_is_refused(place: Place, below: str) -> None:
    file = place.directory / "file"
    file.touch()
    assert place.refusal("--root", f"{file}{below}").startswith(f"{file}")


def test_a_root_that_cannot_be_made_is_refused(place: Place) -> None:
    closed = place.directory / "closed"
    closed.mkdir(mode=0o500)
    root = closed / "root"
    assert place.refusal("--root", str(root), before=as_ordinary_user()) == f"{root}: Permission denied"


def test_a_root_that_cannot_be_written_is_refused(place: Place) -> None:
    place.root.mkdir(mode=0o500)
    place.state.mkdir()
    refusal = place.refusal(before=as_ordinary_user())
    assert refusal.startswith(f"load required plugin {DATABASE}: ")
    assert "Permission denied" in refusal
    assert str(place.root) in refusal


def test_a_second_daemon_on_one_root_is_refused(place: Place) -> None:
    elsewhere = ("--state", f"{place.directory}/state2", "--address", f"{place.directory}/socket2")
    with place.daemon():
        assert place.refusal(*elsewhere) == f"{place.root}: in use by another daemon"


def test_a_socket_that_a_live_daemon_serves_is_refused_and_left_to_it(place: Place) -> None:
    elsewhere = ("--state", f"{place.directory}/state2", "--root", f"{place.directory}/root2")
    with place.daemon(), place.client() as client:
        assert place.refusal(*elsewhere) == f"{place.address}: in use by another daemon"
        assert client.is_serving()


def test_a_socket_that_nobody_serves_is_replaced(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(place.address)
    with place.daemon(), place.client() as client:
        assert client.is_serving()


def test_a_file_in_the_place_of_the_socket_is_refused_and_kept(place: Place) -> None:
    Path(place.address).write_text("mine")
    assert place.refusal() == f"{place.address}: exists and is not a socket"
    assert Path(place.address).read_text() == "mine"


def test_a_directory_in_the_place_of_the_socket_is_refused(place: Place) -> None:
    Path(place.address).mkdir()
    assert place.refusal() == f"{place.address}: exists and is not a socket"


def test_a_path_that_is_too_long_for_a_socket_is_refused(place: Place) -> None:
    place = replace(place, socket=place.socket.ljust(104 - len(f"{place.directory}"), "k"))
    assert place.refusal() == f'"{place.address}": unix socket path too long (> 104)'


def test_the_longest_path_of_a_socket_is_served(place: Place) -> None:
    place = replace(place, socket=place.socket.ljust(103 - len(f"{place.directory}"), "k"))
    with place.daemon(), place.client() as client:
        assert client.is_serving()


@pytest.mark.parametrize("name", ["a b.sock", "100%41.sock", "?#&.sock", "é.sock"])
def test_a_socket_may_have_any_name(place: Place, name: str) -> None:
    place = replace(place, socket=name)
    with place.daemon(), place.client() as client:
        assert client.is_serving()


@pytest.fixture
def kept(place: Place) -> bytes:
    """The database of a daemon that has served, as it is on the disk."""
    place.database.parent.mkdir(parents=True)
    with Database(place.database) as db:
        db.update(lambda root: root.create_bucket("v1").put("key", bytes(100_000)))
    return place.database.read_bytes()


@pytest.mark.parametrize("left", [100, 4096, 20_000])
def test_a_truncated_database_is_refused_and_left_alone(place: Place, kept: bytes, left: int) -> None:
    place.database.write_bytes(kept[:left])
    assert place.refusal() == f"load required plugin {DATABASE}: {place.database}: truncated"
    assert place.database.read_bytes() == kept[:left]


def test_a_foreign_database_is_refused_and_left_alone(place: Place) -> None:
    place.database.parent.mkdir(parents=True)
    place.database.write_bytes(b"SQLite format 3\0" * 1000)
    assert (
        place.refusal() == f"load required plugin {DATABASE}: {place.database}: not a database of this daemon"
    )
    assert place.database.read_bytes() == b"SQLite format 3\0" * 1000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"2", "format 2 is newer than this version reads (1)"),
        (b"two", "not a database of this daemon"),
        (b"0", "not a database of this daemon"),
    ],
)
def test_a_database_of_another_format_is_refused_and_left_alone(
    place: Place, text: bytes, reason: str
) -> None:
    place.database.parent.mkdir(parents=True)
    with Database(place.database) as db:
        db.update(lambda root: root.put("format", text))
    before = place.database.read_bytes()
    assert place.refusal() == f"load required plugin {DATABASE}: {place.database}: {reason}"
    assert place.database.read_bytes() == before


def test_a_database_that_another_process_holds_is_refused(place: Place) -> None:
    place.database.parent.mkdir(parents=True)
    with Database(place.database):
        assert (
            place.refusal() == f"load required plugin {DATABASE}: {place.database}: in use by another process"
        )


def test_after_a_refusal_the_daemon_starts_as_if_nothing_had_been(place: Place) -> None:
    Path(place.address).mkdir()
    place.refusal()
    Path(place.address).rmdir()
    with place.daemon(), place.client() as client:
        assert client.is_serving()


@pytest.mark.parametrize("umask", [0, 0o077])
def test_socket_and_directories_are_closed_to_strangers_whatever_the_umask(place: Place, umask: int) -> None:
    def mode(path: str | Path) -> int:
        return stat.S_IMODE(os.stat(path).st_mode)

    with place.daemon(umask=umask):
        assert mode(place.root) == 0o700
        assert mode(place.state) == 0o711 & ~umask
        assert mode(place.address) == 0o660
        assert [mode(path) for path in place.database.parent.iterdir()] == [0o600, 0o600]
