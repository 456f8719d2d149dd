"""What every container store must do, held against each that needs no containerd."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.containers import Store
from companion.daemon import Daemon
from companion.guide.playground import fresh_daemon, stop_daemon
from companion.guide.store_suite import CASES, run
from companion.store.containers import ContainerStore
from companion.store.database import Database


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    yield fresh_daemon()
    stop_daemon()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Store]:
    with Database(tmp_path / "meta.db") as database:
        yield ContainerStore(database)


@pytest.fixture
def in_process(daemon: Daemon) -> Iterator[Store]:
    with Client(services=daemon.services()) as client:
        yield client.container_service


@pytest.fixture
def over_the_wire(daemon: Daemon) -> Iterator[Store]:
    with Client(daemon.address) as client:
        yield client.container_service


@pytest.mark.parametrize("place", ["alone", "in_process", "over_the_wire"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_holds(case: Callable[[Store], None], place: str, request: pytest.FixtureRequest) -> None:
    run(case, request.getfixturevalue(place))
