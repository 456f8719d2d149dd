"""One daemon of each kind for the whole session: tests have namespaces of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import daemons
from tests.daemons import DaemonProcess
from tests.interop.scenario import run


@pytest.fixture(scope="session")
def companion() -> Iterator[DaemonProcess]:
    with daemons.companion() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def containerd() -> Iterator[DaemonProcess]:
    with daemons.containerd() as daemon:
        yield daemon


@pytest.fixture
def new_companion() -> Iterator[DaemonProcess]:
    with daemons.companion() as daemon:
        yield daemon


@pytest.fixture
def new_containerd() -> Iterator[DaemonProcess]:
    with daemons.containerd() as daemon:
        yield daemon


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The directory in which scenarios are played, with the files they name."""
    run("ctr oci spec > spec.json", {}, tmp_path)
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "variables").write_text("A=1\nB=2 3\n")
    return tmp_path
