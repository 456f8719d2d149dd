"""What the real `ctr` says when a daemon is gone: the same after ours as after containerd."""

import re
import signal
from pathlib import Path

import pytest

from tests.daemons import DaemonProcess
from tests.interop.scenario import HUNG, run

pytestmark = pytest.mark.interop

CAUSE = re.compile(r"(?<=context deadline exceeded): connection error: .*")
"""What `ctr` adds when its attempt ends a moment before its patience."""


def after(daemon: DaemonProcess, number: signal.Signals) -> str:
    """What a command prints when the daemon was ended by a signal."""
    daemon.process.send_signal(number)
    daemon.process.wait(HUNG)
    outcome = run("ctr --connect-timeout 1s containers ls", {"CONTAINERD_ADDRESS": daemon.address}, Path())
    return CAUSE.sub("", outcome.text.replace(Path(daemon.address).name, "{socket}"))


# The first leaves no socket, the second one that nobody listens on.
@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGTERM, "context deadline exceeded"), (signal.SIGKILL, "connection refused")],
)
def test_a_connection_fails_in_the_same_way_after(
    number: signal.Signals, reason: str, new_companion: DaemonProcess, new_containerd: DaemonProcess
) -> None:
    expected = after(new_containerd, number)
    assert reason in expected
    assert after(new_companion, number) == expected
