"""The real runc runs what the client generates: every option has its effect inside the container."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from companion.client import Client, oci
from companion.core.containers import Container

pytestmark = pytest.mark.interop

ID = "hello"
NAMESPACE = f"companion-test-{os.getpid()}"
CGROUPS = Path("/sys/fs/cgroup")
HUNG = 60.0
"""Seconds until a container that does not end counts as hung."""

Run = Callable[..., str]


def bind(source: str, destination: str) -> dict[str, object]:
    return {"destination": destination, "type": "bind", "source": source, "options": ["rbind", "ro"]}


HOST_PROGRAMS = oci.with_mounts(
    [bind(path, path) for path in ("/bin", "/lib", "/lib64", "/usr") if os.path.exists(path)]
)
"""The container borrows the programs of its host: its own root file system is empty."""

HOST_CGROUPS = oci.with_mounts([bind(str(CGROUPS), "/cgroups")])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a script under the default spec changed by options, and returns what it printed."""
    runc = ("runc", "--root", str(tmp_path / "state"))
    (tmp_path / "rootfs").mkdir()

    def run(script: str, *opts: oci.SpecOpt) -> str:
        args = oci.with_process_args("/bin/sh", "-c", script)
        with Client(default_namespace=NAMESPACE) as client:
            spec = oci.generate_spec(client, Container(ID), HOST_PROGRAMS, args, *opts)
        (tmp_path / "config.json").write_bytes(oci.marshal(spec).value)
        result = subprocess.run(
            [*runc, "run", "--bundle", tmp_path, ID],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HUNG,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    yield run
    subprocess.run([*runc, "delete", "--force", ID], check=True, capture_output=True)
    remove_cgroups(NAMESPACE)


def remove_cgroups(name: str) -> None:
    """runc removes a container's cgroup but not the one above, which a namespace's containers share."""
    for path in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")):
        with suppress(FileNotFoundError):  # two names of one hierarchy
            path.rmdir()


def status(field: str) -> str:
    return f"grep ^{field}: /proc/self/status | cut -f2"


def mounted(path: str) -> str:
    return f"grep --count ' {path} ' /proc/self/mountinfo || true"


def cgroup(*files: str) -> str:
    """A script that prints the first word of whichever of `files` there is, in the container's cgroup.

    The second version has all files in one directory, the first has one for each controller.
    """
    places = [f"/cgroups/{file.split('.')[0]}/{NAMESPACE}/{ID}/{file}" for file in files]
    places += [f"/cgroups/{NAMESPACE}/{ID}/{file}" for file in files]
    return f"cat {' '.join(places)} 2>/dev/null | cut -d ' ' -f 1"


def test_runc_runs_the_default_spec(run: Run) -> None:
    assert run("echo hello") == "hello"


DEFAULTS = {
    "capabilities": (status("CapEff"), "00000000a80425fb"),
    "no new privileges": (status("NoNewPrivs"), "1"),
    "user and group": ("id -u; id -g", "0\n0"),
    "directory": ("pwd", "/"),
    "open files": ("ulimit -Hn; ulimit -Sn", "1024\n1024"),
    "cgroup": (f"grep -o '/{NAMESPACE}/.*' /proc/self/cgroup | sort -u", f"/{NAMESPACE}/{ID}"),
    "guarded /proc": (mounted("/proc/sys"), "1"),
    "process namespace": ("echo $$", "1"),
}


@pytest.mark.parametrize(("script", "printed"), DEFAULTS.values(), ids=DEFAULTS)
def test_by_default_a_container_sees(run: Run, script: str, printed: str) -> None:
    assert run(script) == printed


EFFECTS = {
    "with_hostname": (oci.with_hostname("box"), "uname -n", "box"),
    "with_env": (oci.with_env(["A=b c"]), 'echo "$A"', "b c"),
    "with_process_cwd": (oci.with_process_cwd("/usr"), "pwd", "/usr"),
    "with_uid_gid": (oci.with_uid_gid(1000, 1001), "id -u; id -g", "1000\n1001"),
    "with_new_privileges": (oci.with_new_privileges(), status("NoNewPrivs"), "0"),
    "with_capabilities": (oci.with_capabilities(["CAP_CHOWN"]), status("CapEff"), "0000000000000001"),
    "with_added_capabilities": (
        oci.with_added_capabilities(["CAP_SYS_TIME"]),
        status("CapEff"),
        "00000000aa0425fb",
    ),
    "with_dropped_capabilities": (
        oci.with_dropped_capabilities(["CAP_KILL"]),
        status("CapEff"),
        "00000000a80425db",
    ),
    "with_root_fs_readonly": (
        oci.with_root_fs_readonly(),
        "touch /file 2>/dev/null || echo refused",
        "refused",
    ),
    "without_mounts": (oci.without_mounts("/run"), mounted("/run"), "0"),
    "with_cgroup": (
        oci.with_cgroup(f"/{NAMESPACE}/other"),
        f"grep -o '/{NAMESPACE}/.*' /proc/self/cgroup | sort -u",
        f"/{NAMESPACE}/other",
    ),
    "with_cpus": (oci.with_cpus("0"), status("Cpus_allowed_list"), "0"),
    "with_memory_limit": (
        oci.compose(HOST_CGROUPS, oci.with_memory_limit(1 << 26)),
        cgroup("memory.limit_in_bytes", "memory.max"),
        str(1 << 26),
    ),
    "with_pids_limit": (oci.compose(HOST_CGROUPS, oci.with_pids_limit(64)), cgroup("pids.max"), "64"),
    "with_cpu_cfs": (
        oci.compose(HOST_CGROUPS, oci.with_cpu_cfs(50_000, 100_000)),
        cgroup("cpu.cfs_quota_us", "cpu.max"),
        "50000",
    ),
}


@pytest.mark.parametrize(("opt", "script", "printed"), EFFECTS.values(), ids=EFFECTS)
def test_inside_the_container_shows(run: Run, opt: oci.SpecOpt, script: str, printed: str) -> None:
    assert run(script, opt) == printed


def test_a_container_can_have_all_capabilities_of_the_client(run: Run) -> None:
    [own] = re.findall(r"^CapEff:\s*(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert run(status("CapEff"), oci.with_all_current_capabilities()) == own


def test_a_privileged_container_may_write_to_proc(run: Run) -> None:
    assert run(mounted("/proc/sys"), oci.with_privileged()) == "0"


def test_a_container_can_share_a_namespace_of_its_host(run: Run) -> None:
    assert run("readlink /proc/self/ns/uts", oci.with_host_namespace("uts")) == os.readlink(
        "/proc/self/ns/uts"
    )


def test_a_container_can_join_a_namespace(run: Run) -> None:
    join = oci.with_linux_namespace("ipc", f"/proc/{os.getpid()}/ns/ipc")
    assert run("readlink /proc/self/ns/ipc", join) == os.readlink("/proc/self/ns/ipc")


def test_a_container_can_know_the_hosts_of_its_host(run: Run) -> None:
    assert run("cat /etc/hosts", oci.with_host_hosts_file()) == Path("/etc/hosts").read_text().strip()


def test_a_container_can_have_a_device_of_its_host(run: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "zeros")
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    assert run(f"head --bytes 3 {path} | od -A n -t x1", oci.with_linux_device(path)) == "00 00 00"
