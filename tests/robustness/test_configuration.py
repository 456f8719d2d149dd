"""A daemon does as its configuration says, or says on one line what is wrong with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from companion.__main__ import main
from companion.client import Client
from companion.core.errors import ResourceExhausted
from tests.daemons import PROJECT, running
from tests.notebooks.test_unprivileged import GID, UID, as_ordinary_user
from tests.robustness.place import Place, record

DATABASE = "io.containerd.metadata.v1.bolt"


def test_a_configuration_that_is_named_must_be_there(place: Place) -> None:
    path = place.directory / "nosuch.toml"
    assert (
        place.refusal("--config", str(path))
        == f"failed to load TOML: {path}: open {path}: no such file or directory"
    )


BROKEN = {
    "no TOML": ("root =", "Invalid value"),
    "no text": ("\udcff", "'utf-8' codec can't decode"),
    "a number as a path": ("root = 7", "root: can't convert 7 to str"),
    "text as a number": ("[grpc]\nuid = 'me'", "grpc.uid: can't convert me to int"),
    "a truth as a number": ("[grpc]\nuid = true", "grpc.uid: can't convert True to int"),
    "a number as a section": ("grpc = 5", "grpc: can't convert 5 to dict"),
    "a number as a list": ("disabled_plugins = 5", "disabled_plugins: can't convert 5 to list"),
    "text as a list": ("required_plugins = 'cri'", "required_plugins: can't convert cri to list"),
    "a number as plugins": ("plugins = 5", "plugins: can't convert 5 to dict"),
    "a number as a plugin": (
        f'[plugins]\n"{DATABASE}" = 5',
        f'plugins."{DATABASE}": can\'t convert 5 to dict',
    ),
    "a negative size": (
        "[grpc]\nmax_recv_message_size = -1",
        "grpc.max_recv_message_size: -1 is not between 0 and 2147483647",
    ),
    "an enormous size": (
        "[grpc]\nmax_send_message_size = 2147483648",
        "grpc.max_send_message_size: 2147483648 is not between 0 and 2147483647",
    ),
    "an older version": ("version = 1", "unsupported version 1, expected 2"),
    "a version that is text": ("version = '2'", "version: can't convert 2 to int"),
    "disabled": (
        'disabled_plugins = ["cri"]',
        'invalid disabled plugin URI "cri" expect io.containerd.x.vx',
    ),
    "required": (
        'required_plugins = ["io.containerd.cri"]',
        'invalid required plugin URI "io.containerd.cri" expect io.containerd.x.vx',
    ),
    "a number as a plugin's name": (
        "disabled_plugins = [5]",
        'invalid disabled plugin URI "5" expect io.containerd.x.vx',
    ),
    "a section": ("[plugins.cri]", 'invalid plugin key URI "cri" expect io.containerd.x.vx'),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_configuration_is_refused_with_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, errors="surrogateescape")
    assert main(["serve", "--config", str(path)]) == 1
    refusal = rf"companion: failed to load TOML(:| from) {re.escape(f'{path}: {reason}')}.*\n"
    assert re.fullmatch(refusal, capsys.readouterr().err)


def test_a_plugins_configuration_of_the_wrong_type_is_refused(place: Place) -> None:
    flags = place.configured(f'[plugins."{DATABASE}"]\nmap_size = "x"')
    assert place.refusal(*flags) == f"{DATABASE}.map_size: can't convert x to int"


@pytest.mark.parametrize("size", [-1, 1 << 60, 10**30])
def test_a_map_that_cannot_be_had_is_refused(place: Place, size: int) -> None:
    flags = place.configured(f'[plugins."{DATABASE}"]\nmap_size = {size}')
    assert place.refusal(*flags).startswith(f"load required plugin {DATABASE}: {place.database}: ")


@pytest.mark.parametrize("uid", [-5, 1 << 40])
def test_an_owner_that_cannot_be_is_refused(place: Place, uid: int) -> None:
    flags = place.configured(f"[grpc]\nuid = {uid}")
    assert place.refusal(*flags).startswith(f"{place.address}: cannot listen: uid ")


def test_a_level_that_does_not_exist_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    reason = 'not a valid log level: "loud"'
    assert place.refusal("--log-level", "loud") == reason
    assert main(["serve", *place.configured('[debug]\nlevel = "loud"')]) == 1
    assert capsys.readouterr().err == f"companion: {reason}\n"


@pytest.mark.parametrize("variables", [False, True], ids=["home", "XDG"])
def test_without_root_the_defaults_are_the_users_own_directories(place: Place, variables: bool) -> None:
    home = place.directory / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, UID, GID)
    root, state = home / ".local/share/companion", home / ".local/state/companion"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    if variables:
        root, state = home / "data/companion", home / "runtime/companion"
        environment |= {"XDG_DATA_HOME": f"{home}/data", "XDG_RUNTIME_DIR": f"{home}/runtime"}
    address = f"{state}/companion.sock"
    command = [*as_ordinary_user(), sys.executable, "-m", "companion", "serve"]
    with running(command, address, place.log, env=environment):
        assert Path(address).is_socket()
        assert (root / DATABASE / "meta.db").exists()
        assert (root.owner(), state.owner()) == (home.owner(), home.owner())


def test_the_default_configuration_is_one(place: Place) -> None:
    command = [sys.executable, "-m", "companion", "config", "default"]
    text = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout
    with place.daemon(*place.configured(text)), place.client() as client:
        assert client.is_serving()


def test_the_daemon_does_as_its_configuration_says(place: Place) -> None:
    root, state, address = (f"{place.directory}/{name}" for name in ("r", "s", "a.sock"))
    owner = (UID, GID) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    flags = place.configured(
        f"""
        root = "{root}"
        state = "{state}"
        unknown = "is ignored"
        [grpc]
        address = "{address}"
        uid = {owner[0]}
        gid = {owner[1]}
        max_recv_message_size = 1000
        [debug]
        level = "error"
        """
    )
    command = [sys.executable, "-m", "companion", "serve", *flags]
    with running(command, address, place.log), Client(address, default_namespace="test") as client:
        assert (os.stat(address).st_uid, os.stat(address).st_gid) == owner
        assert Path(root, DATABASE).is_dir()
        assert Path(state).is_dir()
        with pytest.raises(ResourceExhausted):
            client.container_service.create(record("large", bytes(1000)))
        assert len(place.log.read_text().splitlines()) == 1


def test_a_flag_counts_more_than_the_configuration(place: Place) -> None:
    flags = place.configured('root = "/nonexistent"\n[grpc]\naddress = "/nonexistent/socket"')
    with place.daemon(*flags), place.client() as client:
        assert client.is_serving()
