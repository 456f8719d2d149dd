"""The real `ctr` against ours and against containerd: it cannot tell them apart."""

from pathlib import Path

import pytest

from tests.daemons import DaemonProcess
from tests.interop.scenario import Scenario, compare, load

pytestmark = pytest.mark.interop

FLAGS = (
    "--allow-new-privs",
    "--annotation a=1 --annotation b=2",
    "--apparmor-profile custom",
    "--cap-add CAP_SYS_TIME",
    "--cap-drop CAP_KILL",
    "--cpu-quota 5000 --cpu-period 10000",
    "--cwd /tmp",
    "--device /dev/null",
    "--env A=1 --env B",
    "--env-file variables",
    "--label a=1 --label b",
    "--memory-limit 1048576",
    "--mount type=bind,src=/tmp,dst=/host,options=rbind:ro",
    "--net-host",
    "--no-pivot",
    "--pid-file pid",
    "--privileged",
    "--rdt-class gold",
    "--read-only",
    "--rootfs-propagation shared",
    "--runtime io.containerd.runsc.v1",
    "--runtime-config-path /etc/runtime.toml",
    "--seccomp",
    "--snapshotter native",
    "--snapshotter-label a=1",
    "--tty",
    "--with-ns network:/proc/1/ns/net",
)
"""Flags of `containers create` that need neither an image nor a certain machine."""

FLAGGED = [
    Scenario(
        flags.split()[0].strip("-"),
        (f"ctr containers create --rootfs {flags} rootfs debian sleep 100", "ctr containers info debian"),
    )
    for flags in FLAGS
]


def each(cases: list[Scenario]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scenario", cases, ids=lambda case: case.title)


@each(load("containers", "images", "leases", "tasks", "plugins", "streams"))
def test_the_same_commands_print_the_same(
    scenario: Scenario, companion: DaemonProcess, containerd: DaemonProcess, workspace: Path
) -> None:
    compare(scenario, companion, containerd, workspace)


@each(FLAGGED)
def test_a_container_is_created_with(
    scenario: Scenario, companion: DaemonProcess, containerd: DaemonProcess, workspace: Path
) -> None:
    compare(scenario, companion, containerd, workspace)


@each(load("namespaces", "content"))
def test_new_daemons_print_the_same(
    scenario: Scenario, new_companion: DaemonProcess, new_containerd: DaemonProcess, workspace: Path
) -> None:
    compare(scenario, new_companion, new_containerd, workspace)
