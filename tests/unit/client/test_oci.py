"""The default spec, the options that change it, and how it travels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from companion.client import Client, namespace, oci
from companion.core import typeurl
from companion.core.containers import Container
from companion.core.errors import FailedPrecondition, InvalidArgument

CAPABILITIES = (
    "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD CAP_NET_RAW CAP_SETGID CAP_SETUID "
    "CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE"
)
MOUNTS = """\
/proc proc proc nosuid,noexec,nodev
/dev tmpfs tmpfs nosuid,strictatime,mode=755,size=65536k
/dev/pts devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5
/dev/shm tmpfs shm nosuid,noexec,nodev,mode=1777,size=65536k
/dev/mqueue mqueue mqueue nosuid,noexec,nodev
/sys sysfs sysfs nosuid,noexec,nodev,ro
/run tmpfs tmpfs nosuid,strictatime,mode=755,size=65536k
"""
MASKED = (
    "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats "
    "/proc/sched_debug /sys/firmware /proc/scsi"
)
READONLY = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"
DENY_ALL = {"allow": False, "access": "rwm"}

BIND = {"destination": "/host", "type": "bind", "source": "/srv", "options": ["rbind", "ro"]}
CGROUP = {"destination": "/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]}
NULL = {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666, "uid": 0, "gid": 0}


@pytest.fixture
def client() -> Iterator[Client]:
    """A client that never connects: a spec is made without the daemon."""
    with Client(default_namespace="testing") as client:
        yield client


def changed(spec: oci.Spec, *opts: oci.SpecOpt) -> oci.Spec:
    with Client() as client:
        oci.compose(*opts)(client, Container("hello"), spec)
    return spec


def generated(*opts: oci.SpecOpt) -> oci.Spec:
    with Client(default_namespace="testing") as client:
        return oci.generate_spec(client, Container("hello"), *opts)


def at(spec: oci.Spec, path: str) -> Any:
    return reduce(lambda value, key: value.get(key, {}), path.split("."), spec) or None


def test_the_default_spec_is_containerds(client: Client) -> None:
    mounts = [line.split() for line in MOUNTS.splitlines()]
    keys = ("destination", "type", "source")
    assert oci.generate_spec(client, Container("hello")) == {
        "ociVersion": "1.0.2-dev",
        "root": {"path": "rootfs"},
        "process": {
            "cwd": "/",
            "user": {"uid": 0, "gid": 0},
            "capabilities": {kind: CAPABILITIES.split() for kind in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "mounts": [
            {**dict(zip(keys, row, strict=True)), "options": options.split(",")} for *row, options in mounts
        ],
        "linux": {
            "cgroupsPath": "/testing/hello",
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")],
            "maskedPaths": MASKED.split(),
            "readonlyPaths": READONLY.split(),
            "resources": {"devices": [DENY_ALL]},
        },
    }


def test_the_namespace_of_the_context_comes_before_the_clients(client: Client) -> None:
    with namespace("builder"):
        spec = oci.generate_spec(client, Container("hello"))
    assert spec["linux"]["cgroupsPath"] == "/builder/hello"


def test_no_spec_without_a_namespace() -> None:
    with Client() as client, pytest.raises(FailedPrecondition, match=r"^namespace is required: "):
        oci.generate_spec(client, Container("hello"))


def test_no_spec_in_a_namespace_that_is_no_identifier() -> None:
    with Client(default_namespace="../up") as client, pytest.raises(InvalidArgument):
        oci.generate_spec(client, Container("hello"))


def test_every_spec_is_a_new_one() -> None:
    generated()["process"]["capabilities"]["bounding"].clear()
    assert generated()["process"]["capabilities"]["bounding"] == CAPABILITIES.split()


def test_an_option_gets_the_client_the_record_and_the_spec_so_far(client: Client) -> None:
    record = Container("hello", snapshotter="native")
    seen: list[object] = []

    def opt(client: Client, container: Container, spec: oci.Spec) -> None:
        seen.extend([client, container, spec["hostname"]])

    oci.generate_spec(client, record, oci.with_hostname("box"), opt)
    assert seen == [client, record, "box"]


def test_the_later_option_wins() -> None:
    assert generated(oci.with_hostname("first"), oci.with_hostname("second"))["hostname"] == "second"


@pytest.mark.parametrize(
    ("opt", "path", "value"),
    [
        (oci.with_process_args("/hello", "-v"), "process.args", ["/hello", "-v"]),
        (oci.with_process_cwd("/srv"), "process.cwd", "/srv"),
        (oci.with_env(["A=1"]), "process.env", ["A=1"]),
        (oci.with_tty(), "process.terminal", True),
        (oci.with_tty(), "process.env", ["TERM=xterm"]),
        (oci.with_uid_gid(1000, 1001), "process.user", {"uid": 1000, "gid": 1001}),
        (oci.with_new_privileges(), "process.noNewPrivileges", None),
        (oci.with_capabilities(["CAP_KILL"]), "process.capabilities.effective", ["CAP_KILL"]),
        (
            oci.with_added_capabilities(["CAP_KILL", "CAP_BPF", "CAP_BPF"]),
            "process.capabilities.permitted",
            [*CAPABILITIES.split(), "CAP_BPF"],
        ),
        (
            oci.with_dropped_capabilities(["CAP_CHOWN", "CAP_BPF"]),
            "process.capabilities.bounding",
            CAPABILITIES.split()[1:],
        ),
        (oci.with_hostname("box"), "hostname", "box"),
        (oci.with_annotations({"a": "b"}), "annotations", {"a": "b"}),
        (oci.with_root_fs_path("/srv/rootfs"), "root.path", "/srv/rootfs"),
        (oci.with_root_fs_readonly(), "root.readonly", True),
        (oci.with_cgroup("/elsewhere/hello"), "linux.cgroupsPath", "/elsewhere/hello"),
        (oci.with_memory_limit(1 << 26), "linux.resources.memory", {"limit": 1 << 26}),
        (oci.with_pids_limit(64), "linux.resources.pids", {"limit": 64}),
        (oci.with_cpus("0-2,5"), "linux.resources.cpu", {"cpus": "0-2,5"}),
        (oci.with_cpu_shares(512), "linux.resources.cpu", {"shares": 512}),
        (oci.with_cpu_cfs(50_000, 100_000), "linux.resources.cpu", {"quota": 50_000, "period": 100_000}),
        (
            oci.with_host_namespace("network"),
            "linux.namespaces",
            [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
        ),
        (
            oci.with_linux_namespace("uts", "/proc/1/ns/uts"),
            "linux.namespaces",
            [
                {"type": "pid"},
                {"type": "ipc"},
                {"type": "uts", "path": "/proc/1/ns/uts"},
                {"type": "mount"},
                {"type": "network"},
            ],
        ),
        (
            oci.with_linux_namespace("cgroup"),
            "linux.namespaces",
            [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "cgroup")],
        ),
        (
            oci.with_all_devices_allowed(),
            "linux.resources.devices",
            [{"allow": True, "access": "rwm"}],
        ),
        (oci.with_linux_device("/dev/null"), "linux.devices", [NULL]),
        (
            oci.with_linux_device("/dev/null", "r"),
            "linux.resources.devices",
            [DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}],
        ),
    ],
)
def test_an_option_sets(opt: oci.SpecOpt, path: str, value: object) -> None:
    assert at(generated(opt), path) == value


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (["A=1", "B=2"], ["A=9"], ["A=9", "B=2"]),
        (["A=1"], ["B=2"], ["A=1", "B=2"]),
        (["A=1", "B=2"], ["A"], ["B=2"]),
        (["A=1"], ["B"], ["A=1"]),
        (["A=1"], ["A="], ["A="]),
        (["A=1"], ["AB=2", "A=x=y"], ["A=x=y", "AB=2"]),
    ],
    ids=[
        "replaces in place",
        "appends",
        "removes",
        "has nothing to remove",
        "empties",
        "compares whole names",
    ],
)
def test_with_env(before: list[str], changes: list[str], after: list[str]) -> None:
    spec = generated(oci.with_env(before), oci.with_env(changes))
    assert spec["process"]["env"] == after


def test_with_env_file_reads_one_variable_a_line(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("A=9\n\nB\nC=3\n")
    spec = generated(oci.with_env(["A=1", "B=2"]), oci.with_env_file(tmp_path / "env"))
    assert spec["process"]["env"] == ["A=9", "C=3"]


def test_new_privileges_can_be_taken_back() -> None:
    assert generated(oci.with_new_privileges(), oci.with_no_new_privileges()) == generated()


def test_annotations_are_laid_over_those_there_are() -> None:
    spec = generated(oci.with_annotations({"a": "1", "b": "2"}), oci.with_annotations({"b": "3"}))
    assert spec["annotations"] == {"a": "1", "b": "3"}


def test_mounts_are_added_and_left_out() -> None:
    spec = generated(oci.with_mounts([BIND]), oci.without_mounts("/run/", "/dev/shm"))
    destinations = [mount["destination"] for mount in spec["mounts"]]
    assert destinations == ["/proc", "/dev", "/dev/pts", "/dev/mqueue", "/sys", "/host"]


@pytest.mark.parametrize(
    ("opt", "path"),
    [(oci.with_host_hosts_file(), "/etc/hosts"), (oci.with_host_resolvconf(), "/etc/resolv.conf")],
)
def test_a_file_of_the_host_is_bound_read_only(opt: oci.SpecOpt, path: str) -> None:
    mount = {"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]}
    assert generated(opt)["mounts"][-1] == mount


def test_the_default_devices_follow_the_rule_that_denies_all() -> None:
    denied, *allowed = generated(oci.with_default_unix_devices())["linux"]["resources"]["devices"]
    assert denied == DENY_ALL
    assert all(rule["allow"] and rule["type"] == "c" and rule["access"] == "rwm" for rule in allowed)
    numbers = [(rule["major"], rule.get("minor")) for rule in allowed]
    assert numbers == [(1, 3), (1, 8), (1, 7), (5, 0), (1, 5), (1, 9), (5, 1), (136, None), (5, 2)]


def test_a_file_is_not_a_device(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"not a device node: invalid argument$"):
        oci.with_linux_device(str(tmp_path))


def test_the_devices_of_the_host_do_not_include_its_terminals() -> None:
    paths = {device["path"] for device in generated(oci.with_host_devices())["linux"]["devices"]}
    assert "/dev/null" in paths
    assert not {path for path in paths if path == "/dev/console" or path.startswith("/dev/pts/")}


def test_all_current_capabilities_are_those_of_this_process() -> None:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = generated(oci.with_all_current_capabilities())["process"]["capabilities"]["effective"]
    assert len(held) == int(status["CapEff"], 16).bit_count()
    assert ("CAP_SYS_ADMIN" in held) == bool(int(status["CapEff"], 16) >> 21 & 1)


def test_a_privileged_container_has_no_guards_left() -> None:
    guards = {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}, "maskedPaths": ["/proc/kcore"]}
    labels = {"apparmorProfile": "strict", "selinuxLabel": "strict"}
    spec = changed({"linux": guards, "process": labels, "mounts": [CGROUP, BIND]}, oci.with_privileged())
    assert spec["linux"] == {}
    assert spec["process"].keys() == {"capabilities"}
    assert [mount["options"] for mount in spec["mounts"]] == [["rw", "nosuid"], ["rbind", "ro"]]


def test_an_option_makes_the_sections_that_a_spec_lacks() -> None:
    spec = changed(
        {}, oci.with_memory_limit(1), oci.with_mounts([BIND]), oci.with_added_capabilities(["CAP_BPF"])
    )
    assert spec == {
        "linux": {"resources": {"memory": {"limit": 1}}},
        "mounts": [BIND],
        "process": {"capabilities": {kind: ["CAP_BPF"] for kind in ("bounding", "effective", "permitted")}},
    }


def test_an_option_serves_many_containers() -> None:
    opts = oci.with_mounts([CGROUP]), oci.with_process_args("/hello")
    generated(*opts)["process"]["args"].append("of another")
    generated(*opts)["mounts"][-1]["options"].append("of another")
    spec = generated(*opts)
    assert spec["process"]["args"] == ["/hello"]
    assert spec["mounts"][-1] == CGROUP


def test_a_spec_travels_as_compact_json_under_ocis_name() -> None:
    value = oci.marshal({"hostname": "bücherei", "process": {"args": ["/hello", "-v"]}})
    assert value.type_url == "types.containerd.io/opencontainers/runtime-spec/1/Spec"
    assert value.value == '{"hostname":"bücherei","process":{"args":["/hello","-v"]}}'.encode()


def test_a_spec_comes_back_as_it_left() -> None:
    spec = generated(oci.with_process_args("/hello"), oci.with_linux_device("/dev/null"))
    assert oci.unmarshal(oci.marshal(spec)) == spec


def test_a_spec_is_read_whatever_the_name_of_its_type() -> None:
    assert oci.unmarshal(typeurl.Any("something.else/Spec", b'{"hostname": "box"}')) == {"hostname": "box"}


def test_a_value_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        oci.marshal({"created": datetime.now()})


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(json.JSONDecodeError):
        oci.unmarshal(typeurl.Any(typeurl.OCI_SPEC, b"\x0a\x03abc"))
