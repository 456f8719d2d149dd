"""What our client makes of its options, the real `ctr` makes of its flags."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from companion.client import Client, oci, with_new_spec, with_runtime
from companion.core.typeurl import Any
from tests.daemons import DaemonProcess
from tests.interop.scenario import run

pytestmark = pytest.mark.interop

RUNC = with_runtime("io.containerd.runc.v2", Any("containerd.runc.v1.Options", b""))

MOUNT = {"type": "bind", "source": "/tmp", "destination": "/host", "options": ["rbind", "ro"]}


def same_network() -> oci.SpecOpt:
    """The network of the host, and what a program needs to know of it."""
    hostname = Path("/proc/sys/kernel/hostname").read_text().strip()
    return oci.compose(
        oci.with_host_namespace("network"),
        oci.with_host_hosts_file(),
        oci.with_host_resolvconf(),
        oci.with_env([f"HOSTNAME={hostname}"]),
    )


OPTIONS = {
    "": oci.compose(),
    "--allow-new-privs": oci.with_new_privileges(),
    "--annotation a=1 --annotation b=2": oci.with_annotations({"a": "1", "b": "2"}),
    "--cap-add CAP_SYS_TIME": oci.with_added_capabilities(["CAP_SYS_TIME"]),
    "--cap-drop CAP_KILL": oci.with_dropped_capabilities(["CAP_KILL"]),
    "--cpu-quota 5000 --cpu-period 10000": oci.with_cpu_cfs(5000, 10000),
    "--cwd /tmp": oci.with_process_cwd("/tmp"),
    "--device /dev/null": oci.with_linux_device("/dev/null"),
    "--env A=1 --env B=2": oci.with_env(["A=1", "B=2"]),
    "--env-file variables": oci.with_env(["A=1", "B=2 3"]),
    "--memory-limit 1048576": oci.with_memory_limit(1048576),
    "--mount type=bind,src=/tmp,dst=/host,options=rbind:ro": oci.with_mounts([MOUNT]),
    "--net-host": same_network(),
    "--privileged": oci.compose(
        oci.with_privileged(), oci.with_all_devices_allowed(), oci.with_host_devices()
    ),
    "--read-only": oci.with_root_fs_readonly(),
    "--tty": oci.with_tty(),
    "--with-ns network:/proc/1/ns/net": oci.with_linux_namespace("network", "/proc/1/ns/net"),
}


def parsed(info: str) -> object:
    record = json.loads(info)
    # The nodes of devices are made in any order.
    record["Spec"]["linux"].get("devices", []).sort(key=lambda device: device["path"])
    return record


@pytest.mark.parametrize("flags", OPTIONS)
def test_a_container_is_the_same_as_that_of_ctr_with(
    flags: str, companion: DaemonProcess, workspace: Path
) -> None:
    namespace = f"spec-{uuid4().hex}"
    environment = {"CONTAINERD_ADDRESS": companion.address, "CONTAINERD_NAMESPACE": namespace}

    def ctr(arguments: str) -> str:
        outcome = run(f"ctr containers {arguments}", environment, workspace)
        assert outcome.code == 0, outcome.text
        return outcome.stdout

    ctr(f"create --rootfs {flags} rootfs debian sleep 100")
    expected = parsed(ctr("info debian"))
    ctr("rm debian")
    spec = with_new_spec(
        oci.with_default_unix_devices(),
        oci.with_root_fs_path(str(workspace / "rootfs")),
        oci.with_process_args("sleep", "100"),
        OPTIONS[flags],
    )
    with Client(companion.address, default_namespace=namespace) as client:
        client.new_container("debian", spec, RUNC)
    assert parsed(ctr("info debian")) == expected
