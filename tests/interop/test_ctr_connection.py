"""What the real `ctr` says when a daemon is gone: the same after ours as after containerd."""

import signal
from pathlib import Path

import pytest

from tests.daemons import DaemonProcess
from tests.interop.scenario import HUNG, run

pytestmark = pytest.mark.interop


def end(daemon: DaemonProcess, number: signal.Signals) -> None:
    daemon.process.send_signal(number)
    daemon.process.wait(HUNG)


def after(daemon: DaemonProcess, number: signal.Signals) -> str:
    """What a command prints when the daemon was ended by a signal."""
    end(daemon, number)
    outcome = run("ctr --connect-timeout 1s containers ls", {"CONTAINERD_ADDRESS": daemon.address}, Path())
    return outcome.text.replace(daemon.address, "{address}")


# The first leaves no socket, the second one that nobody listens on.
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_connection_fails_in_the_same_way_after(
    number: signal.Signals, new_companion: DaemonProcess, new_containerd: DaemonProcess
) -> None:
    assert after(new_companion, number) == after(new_containerd, number)
