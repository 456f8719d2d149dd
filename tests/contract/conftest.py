"""One daemon of each kind for the whole session: cases have namespaces of their own."""

from collections.abc import Iterator

import pytest

from tests import daemons
from tests.contract.caller import Caller


@pytest.fixture(scope="session")
def companion() -> Iterator[Caller]:
    with daemons.companion() as daemon, Caller(daemon.address) as caller:
        yield caller


@pytest.fixture(scope="session")
def containerd() -> Iterator[Caller]:
    with daemons.containerd() as daemon, Caller(daemon.address) as caller:
        yield caller


@pytest.fixture
def doomed_containerd() -> Iterator[Caller]:
    with daemons.containerd() as daemon, Caller(daemon.address) as caller:
        yield caller
