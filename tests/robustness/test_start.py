"""A daemon starts as its configuration says, or says on one line why it does not."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from grpc import StatusCode

from companion.__main__ import main
from companion.client import Client
from companion.core.errors import ResourceExhausted, Unimplemented
from companion.core.introspection import InitError
from companion.store.database import Database
from tests.daemons import PROJECT, running
from tests.notebooks.test_unprivileged import GID, UID, as_ordinary_user
from tests.robustness.packages import EXAMPLE, install, seeing
from tests.robustness.place import GUARD, Place, record

DATABASE = "io.containerd.metadata.v1.bolt"
CONTAINERS = "containerd.services.containers.v1.Containers"


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


def test_a_required_plugin_must_be_included(place: Place) -> None:
    missing = ["io.containerd.x.v1.b", "io.containerd.x.v1.a"]
    flags = place.configured(f"required_plugins = {missing}")
    assert place.refusal(*flags) == "required plugin [io.containerd.x.v1.a io.containerd.x.v1.b] not included"


def test_a_required_plugin_must_not_fail(place: Place) -> None:
    install(place.directory, "failing", FAILING)
    flags = place.configured('required_plugins = ["io.containerd.internal.v1.failing"]')
    assert (
        place.refusal(*flags, env=seeing(place.directory))
        == "load required plugin io.containerd.internal.v1.failing: on purpose"
    )


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


def test_without_a_plugin_its_service_is_unknown_and_all_others_are_served(place: Place) -> None:
    flags = place.configured('disabled_plugins = ["io.containerd.service.v1.containers-service"]')
    with place.daemon(*flags), place.client() as client:
        with pytest.raises(Unimplemented, match=f"^unknown service {CONTAINERS}: not implemented$"):
            client.container_service.list()
        assert client.namespace_service.list() == []
        [broken] = [info for info in client.introspection_service.plugins() if info.init_error is not None]
        assert (broken.id, broken.init_error) == (
            "containers",
            InitError(StatusCode.UNKNOWN.value[0], "containers service not found"),
        )


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


def test_a_plugin_from_a_package_shows_in_introspection_with_what_it_was_told(place: Place) -> None:
    flags = place.configured('[plugins."io.containerd.internal.v1.example"]\ngreeting = "hello"')
    with place.daemon(*flags, env=seeing(EXAMPLE)), place.client() as client:
        [info] = client.introspection_service.plugins("id==example")
        assert (info.type, info.requires, info.exports, info.init_error) == (
            "io.containerd.internal.v1",
            ("io.containerd.event.v1",),
            {"greeting": "hello"},
            None,
        )


FAILING = """
    from companion.plugin import register

    @register(type="io.containerd.internal.v1", id="failing")
    def init(context):
        raise RuntimeError("on purpose")
"""

FAULTS = {
    "cannot be imported": ("import nosuch", "plugin package faulty: No module named 'nosuch'"),
    "is no Python": ("def", "plugin package faulty: invalid syntax"),
    "fails": (FAILING, "plugin io.containerd.internal.v1.failing: on purpose"),
    "has the name of another": (
        """
        from companion.plugin import register
        register(type="io.containerd.event.v1", id="exchange")(print)
        """,
        "plugin package faulty: io.containerd.event.v1.exchange: plugin: id already registered",
    ),
    "is no service": (
        """
        from companion.plugin import register
        register(type="io.containerd.grpc.v1", id="nothing")(lambda context: object())
        """,
        "plugin io.containerd.grpc.v1.nothing: 'object' object has no attribute 'register'",
    ),
}


@pytest.mark.parametrize(("source", "warning"), FAULTS.values(), ids=FAULTS)
def test_the_daemon_serves_and_warns_when_a_package(place: Place, source: str, warning: str) -> None:
    install(place.directory, "faulty", source)
    with place.daemon(env=seeing(place.directory)), place.client() as client:
        assert client.container_service.list() == []
        assert warning in place.log.read_text()
        assert "Traceback" not in place.log.read_text()


def test_a_service_from_a_package_leaves_the_clients_inside_the_daemon_alone(place: Place) -> None:
    source = """
        from companion.plugin import SERVICE, register
        register(type=SERVICE, id="greeting-service")(lambda context: object())
    """
    install(place.directory, "greeting", source)
    program = (
        "import sys; from pathlib import Path; from companion.client import Client;"
        "from companion.config import Config; from companion.daemon import Daemon\n"
        "with Daemon(Config(Path('root'), Path('state'), 'socket')) as daemon:\n"
        "    print(Client(services=daemon.services()).introspection_service.plugins('id==greeting-service'))"
    )
    environment = {**seeing(place.directory), "PYTHONPATH": f"{place.directory}:{PROJECT}"}
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place.directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=GUARD,
    )
    assert "greeting-service" in printed.stdout
