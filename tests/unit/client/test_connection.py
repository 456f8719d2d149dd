"""The client's connection: made at the first call, once, and with errors that say what is wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from companion.client import Client, namespace, with_new_spec
from companion.config import Config
from companion.core.errors import Cancelled, FailedPrecondition, Unavailable
from companion.core.namespaces import Namespace
from companion.daemon import Daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with (
        TemporaryDirectory(prefix="c-") as base,
        Daemon(Config(Path(base, "root"), Path(base, "state"))) as it,
    ):
        yield it


@pytest.fixture
def absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A socket that is not there, by a path short enough for one."""
    monkeypatch.chdir(tmp_path)
    return "sock"


def test_a_client_of_a_daemon_that_is_not_there_can_be_made_and_closed(absent: str) -> None:
    Client(absent).close()


def test_the_first_call_waits_for_the_socket_to_appear(absent: str, tmp_path: Path) -> None:
    config = Config(tmp_path / "root", tmp_path / "state", absent)
    with Client(absent) as client, ThreadPoolExecutor(1) as pool:
        version = pool.submit(client.version)
        with Daemon(config):
            assert version.result().version.endswith("+companion")


def test_a_socket_that_does_not_appear_is_told_with_its_path(absent: str) -> None:
    with (
        Client(absent, timeout=0.05) as client,
        pytest.raises(Unavailable, match=r'^failed to dial "sock": context deadline exceeded: .*timeout'),
    ):
        client.version()


def test_a_socket_that_nobody_listens_on_is_told_at_once(absent: str) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(absent)
    with Client(absent) as client, pytest.raises(Unavailable, match=r'^failed to dial "sock": .* refused'):
        client.version()


def test_many_threads_share_one_connection(daemon: Daemon) -> None:
    start = threading.Barrier(16)

    def connected(client: Client) -> int:
        start.wait()
        client.version()
        return id(client._channel)

    with Client(daemon.address) as client, ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(connected, [client] * 16))) == 1


def test_a_closed_client_says_so(daemon: Daemon) -> None:
    client = Client(daemon.address)
    client.close()
    with pytest.raises(Cancelled, match=r"^grpc: the client connection is closing: context canceled$"):
        client.version()


def test_a_client_left_open_is_warned_of(daemon: Daemon) -> None:
    kept = [Client(daemon.address)]
    kept[0].version()
    with pytest.warns(ResourceWarning, match="unclosed client"):
        kept.clear()


def test_a_daemon_that_comes_back_is_found_again(absent: str, tmp_path: Path) -> None:
    config = Config(tmp_path / "root", tmp_path / "state", absent)
    with Client(absent) as client:
        with Daemon(config), namespace("builder"):
            client.new_container("debian", with_new_spec())
        with Daemon(config), namespace("builder"):
            client.reconnect()
            assert [container.id for container in client.containers()] == ["debian"]


@pytest.mark.parametrize("in_process", [False, True])
def test_the_default_namespace_serves_calls_that_name_none(daemon: Daemon, in_process: bool) -> None:
    services = daemon.services() if in_process else None
    name = f"default-{in_process}"
    with Client(daemon.address, default_namespace=name, services=services) as client:
        client.new_container("debian", with_new_spec())
        with namespace("elsewhere"):
            assert client.containers() == []
        assert [container.id for container in client.containers()] == ["debian"]
        assert client.load_container("debian").spec()["linux"]["cgroupsPath"] == f"/{name}/debian"


def test_the_default_namespace_may_name_the_runtime(daemon: Daemon) -> None:
    with Client(daemon.address, default_namespace="gvisor") as client:
        client.namespace_service.create(
            Namespace("gvisor", {"containerd.io/defaults/runtime": "io.containerd.runsc.v1"})
        )
        container = client.new_container("debian", with_new_spec())
        assert container.info().runtime.name == "io.containerd.runsc.v1"


def test_the_option_for_the_runtime_needs_no_look_up(daemon: Daemon) -> None:
    with Client("nowhere", default_runtime="io.containerd.runsc.v1") as client:
        assert client.runtime == "io.containerd.runsc.v1"


def test_a_spec_needs_a_namespace(daemon: Daemon) -> None:
    with Client(daemon.address) as client, pytest.raises(FailedPrecondition, match="namespace is required"):
        client.new_container("debian", with_new_spec())


def test_a_store_that_outlives_its_connection_says_so(daemon: Daemon) -> None:
    with Client(daemon.address) as client:
        store = client.container_service
        client.reconnect()
        with pytest.raises(Cancelled, match="the client connection is closing"):
            store.list()
        with pytest.raises(Cancelled, match="the client connection is closing"):
            store.get("debian")
