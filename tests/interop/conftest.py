"""Daemons of each kind, and our client on each: tests have namespaces of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from companion.client import Client
from companion.clients import Services
from companion.guide.playground import fresh_daemon, stop_daemon
from tests import daemons
from tests.archives import write_samples
from tests.daemons import DaemonProcess, short_directory, unmount_below
from tests.interop.images import filled_registry
from tests.interop.scenario import run
from tests.robustness.place import Place

CONTAINERD = pytest.param("containerd", marks=pytest.mark.interop)


@pytest.fixture(scope="session")
def companion() -> Iterator[DaemonProcess]:
    with daemons.companion() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def containerd() -> Iterator[DaemonProcess]:
    with daemons.containerd() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of a registry that has the images of `filled_registry`."""
    needed = ("docker-registry", "skopeo", "umoci")
    if absent := [name for name in needed if shutil.which(name) is None]:
        pytest.skip(f"no {', '.join(absent)} on the PATH; as root: apt-get install --yes {' '.join(needed)}")
    with filled_registry(tmp_path_factory.mktemp("images")) as address:
        yield address


@pytest.fixture
def new_companion() -> Iterator[DaemonProcess]:
    with daemons.companion() as daemon:
        yield daemon


@pytest.fixture
def new_containerd() -> Iterator[DaemonProcess]:
    with daemons.containerd() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def in_process() -> Iterator[Services]:
    yield fresh_daemon().services()
    stop_daemon()


@pytest.fixture(params=["companion", CONTAINERD, "in_process"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Our client with a namespace of its own: on ours, on containerd, and on ours with no wire between."""
    with connect(request.getfixturevalue(request.param), new_namespace()) as client:
        yield client


@pytest.fixture(params=["companion", CONTAINERD])
def remote_client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Our client as `client` has it, where there is a wire."""
    with connect(request.getfixturevalue(request.param), new_namespace()) as client:
        yield client


@pytest.fixture(params=["companion", CONTAINERD, "in_process"])
def homeless_client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Our client as `client` has it, without a namespace."""
    with connect(request.getfixturevalue(request.param)) as client:
        yield client


def connect(to: DaemonProcess | Services, namespace: str = "") -> Client:
    if isinstance(to, Services):
        return Client(services=to, default_namespace=namespace)
    return Client(to.address, default_namespace=namespace)


def new_namespace() -> str:
    return f"client-{uuid4().hex}"


@pytest.fixture
def place() -> Iterator[Place]:
    """Where our daemon can come back."""
    with short_directory() as directory:
        yield Place(directory)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """The directory in which scenarios are played, with the files they name."""
    run("ctr oci spec > spec.json", {}, tmp_path)
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "variables").write_text("A=1\nB=2 3\n")
    write_samples(tmp_path)
    yield tmp_path
    unmount_below(tmp_path)
