"""`ctr` and a registry: with ours and with containerd, with each snapshotter, it prints the same."""

from pathlib import Path

import pytest

from tests.daemons import DaemonProcess
from tests.interop.scenario import Scenario, compare, load

pytestmark = [pytest.mark.interop, pytest.mark.overlayfs]


@pytest.fixture(autouse=True, params=["overlayfs", "native"])
def environment(request: pytest.FixtureRequest, registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands find in variables: the registry, and the snapshotter if none is named."""
    monkeypatch.setenv("REGISTRY", registry)
    monkeypatch.setenv("CONTAINERD_SNAPSHOTTER", request.param)


@pytest.mark.parametrize("scenario", load("pulls"), ids=lambda case: case.title)
def test_new_daemons_print_the_same(
    scenario: Scenario, new_companion: DaemonProcess, new_containerd: DaemonProcess, workspace: Path
) -> None:
    compare(scenario, new_companion, new_containerd, workspace)
