"""`ctr snapshots` against ours and against containerd, with each snapshotter: it cannot tell them apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemons import DaemonProcess
from tests.interop.scenario import Scenario, compare, load

pytestmark = [pytest.mark.interop, pytest.mark.overlayfs]

UNKNOWN = Scenario(
    "a snapshotter that nobody knows",
    (
        "! ctr snapshots --snapshotter nosuch ls",
        "! ctr snapshots --snapshotter nosuch prepare k",
        "! ctr snapshots --snapshotter nosuch info k",
        "! ctr snapshots --snapshotter nosuch rm k",
    ),
)

DEFAULTS = Scenario(
    "the snapshotter of a namespace",
    (
        "ctr namespaces create labelled containerd.io/defaults/snapshotter=native",
        "ctr --namespace labelled snapshots prepare -t /mnt k",
        "ctr snapshots prepare -t /mnt k",
    ),
)


@pytest.mark.parametrize("snapshotter", ["overlayfs", "native"])
@pytest.mark.parametrize("scenario", load("snapshots"), ids=lambda case: case.title)
def test_new_daemons_print_the_same(
    scenario: Scenario,
    snapshotter: str,
    new_companion: DaemonProcess,
    new_containerd: DaemonProcess,
    workspace: Path,
) -> None:
    named = f"snapshots --snapshotter {snapshotter}"
    commands = (command.replace("snapshots", named, 1) for command in scenario.commands)
    compare(replace(scenario, commands=tuple(commands)), new_companion, new_containerd, workspace)


@pytest.mark.parametrize("scenario", [UNKNOWN, DEFAULTS], ids=lambda case: case.title)
def test_the_snapshotter_is_found_by_its_name(
    scenario: Scenario, new_companion: DaemonProcess, new_containerd: DaemonProcess, workspace: Path
) -> None:
    compare(scenario, new_companion, new_containerd, workspace)
