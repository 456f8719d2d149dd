"""What the real `ctr` tells of our daemon itself, and of containerd."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.daemons import DaemonProcess
from tests.interop.scenario import Outcome, run

pytestmark = pytest.mark.interop

SERVER = re.compile(r"(?<=Server:\n)  Version:  (.*)\n  Revision: (.*)")

WITH_EXPORTS = (
    "io.containerd.content.v1",
    "io.containerd.gc.v1",
    "io.containerd.metadata.v1",
    "io.containerd.snapshotter.v1",
)


def ask(daemon: DaemonProcess, command: str) -> Outcome:
    return run(command, {"CONTAINERD_ADDRESS": daemon.address}, Path())


def rows(daemon: DaemonProcess) -> list[list[str]]:
    """The table of plugins, without its header."""
    return [line.split() for line in ask(daemon, "ctr plugins ls").stdout.splitlines()[1:]]


def test_version_differs_in_that_of_the_server_alone(
    companion: DaemonProcess, containerd: DaemonProcess
) -> None:
    ours, real = ask(companion, "ctr version"), ask(containerd, "ctr version")
    own = f"{version('companion')}+companion"
    assert ours.stdout == SERVER.sub(f"  Version:  {own}\n  Revision: {own}", real.stdout)


def test_version_warns_that_ours_is_another(companion: DaemonProcess, containerd: DaemonProcess) -> None:
    ours, real = ask(companion, "ctr version"), ask(containerd, "ctr version")
    assert (ours.stderr, ours.code) == ("WARNING: version mismatch\nWARNING: revision mismatch\n", 0)
    assert (real.stderr, real.code) == ("", 0)


def test_our_plugins_stand_in_the_order_of_containerd(
    companion: DaemonProcess, containerd: DaemonProcess
) -> None:
    ours = rows(companion)
    names = [row[:2] for row in ours]
    assert ours == [row for row in rows(containerd) if row[:2] in names]


# Without a mode too: the width of a column follows the rows, so that these must be the same ones.
@pytest.mark.parametrize("mode", ["", "-q", "-d"])
def test_our_plugins_are_described_as_those_of_containerd(
    mode: str, companion: DaemonProcess, containerd: DaemonProcess
) -> None:
    # Some plugins export paths, which differ, and ctr prints exports in random order.
    described = [row for row in rows(companion) if mode != "-d" or row[0] not in WITH_EXPORTS]
    filters = " ".join(f"type=={row[0]},id=={row[1]}" for row in described)
    ours, real = (ask(daemon, f"ctr plugins ls {mode} {filters}") for daemon in (companion, containerd))
    assert ours.text == real.text
