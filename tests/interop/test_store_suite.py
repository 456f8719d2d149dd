"""What every container store must do, held against the remote store, with the real containerd behind it."""

from collections.abc import Callable

import pytest

from companion.client import Client
from companion.core.containers import Store
from companion.guide.store_suite import CASES, run
from tests.daemons import DaemonProcess


@pytest.mark.interop
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_holds(case: Callable[[Store], None], containerd: DaemonProcess) -> None:
    with Client(containerd.address) as client:
        run(case, client.container_service)
