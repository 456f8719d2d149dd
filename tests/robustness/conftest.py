"""A place for every test; and one daemon, for tests which prove that they cannot harm it."""

from collections.abc import Iterator

import grpc
import pytest

from companion.client import Client
from tests.daemons import short_directory
from tests.robustness.place import Place


@pytest.fixture
def place() -> Iterator[Place]:
    with short_directory() as directory:
        yield Place(directory)


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    """Where the daemon of a whole file serves."""
    with short_directory() as directory:
        place = Place(directory)
        with place.daemon():
            yield place


@pytest.fixture(scope="module")
def channel(shared: Place) -> Iterator[grpc.Channel]:
    unlimited = (("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 24))
    with grpc.insecure_channel(f"unix:{shared.address}", unlimited) as channel:
        yield channel


@pytest.fixture
def client(shared: Place) -> Iterator[Client]:
    """A client of the shared daemon, which serves it before the test and after."""
    with shared.client() as client:
        client.container_service.list()
        yield client
        client.container_service.list()
