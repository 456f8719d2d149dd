"""The spec of a container: what it is without options, and how it travels. containerd: oci/spec.go."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from companion.core import namespaces, typeurl
from companion.core.containers import Container

if TYPE_CHECKING:
    from companion.client.client import Client

Spec = dict[str, Any]
"""A runtime spec as plain JSON, under the keys that OCI gives them. containerd: oci.Spec."""

SpecOpt = Callable[["Client", Container, Spec], None]
"""Changes the spec of the container whose record it is given. containerd: oci.SpecOpts."""

VERSION = "1.0.2-dev"
"""The version of the runtime spec that this module writes: the one that containerd 1.6 is built with."""

CAPABILITY_SETS = ("bounding", "effective", "permitted")

_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)

_MOUNTS = (
    ("/proc", "proc", "proc", "nosuid,noexec,nodev"),
    ("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
    ("/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
    ("/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"),
    ("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
    ("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
    ("/run", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
)

_NAMESPACES = ("pid", "ipc", "uts", "mount", "network")

_MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
)

_READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def generate_spec(client: Client, container: Container, *opts: SpecOpt) -> Spec:
    """Return a new default spec for `container`, changed by `opts` in their order.

    Raises `FailedPrecondition` when neither the context nor the client has a namespace, which is part of
    the cgroup's path, `InvalidArgument` when it is not an identifier, and what an option raises.
    containerd: oci.GenerateSpec.
    """
    with namespaces.namespace(client.namespace):
        spec = _default_spec(namespaces.required(), container.id)
    compose(*opts)(client, container, spec)
    return spec


def compose(*opts: SpecOpt) -> SpecOpt:
    """Make one option of several, applied in their order. containerd: oci.Compose."""

    def opt(client: Client, container: Container, spec: Spec) -> None:
        for each in opts:
            each(client, container, spec)

    return opt


def marshal(spec: Spec) -> typeurl.Any:
    """Return the spec as a container record carries it: compact JSON.

    Raises `TypeError` for a value that JSON does not know. containerd: typeurl.MarshalAny.
    """
    return typeurl.Any(typeurl.OCI_SPEC, json.dumps(spec, separators=(",", ":"), ensure_ascii=False).encode())


def unmarshal(any: typeurl.Any) -> Spec:
    """Return the spec of a container record; the name of its type is not looked at.

    Raises `ValueError` when the value is not JSON. containerd: Container.Spec.
    """
    spec: Spec = json.loads(any.value)
    return spec


def _default_spec(namespace: str, id: str) -> Spec:
    return {
        "ociVersion": VERSION,
        "root": {"path": "rootfs"},
        "process": {
            "cwd": "/",
            "user": {"uid": 0, "gid": 0},
            "capabilities": {name: list(_CAPABILITIES) for name in CAPABILITY_SETS},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "mounts": [
            {"destination": destination, "type": kind, "source": source, "options": options.split(",")}
            for destination, kind, source, options in _MOUNTS
        ],
        "linux": {
            "cgroupsPath": f"/{namespace}/{id}",
            "namespaces": [{"type": kind} for kind in _NAMESPACES],
            "maskedPaths": list(_MASKED_PATHS),
            "readonlyPaths": list(_READONLY_PATHS),
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        },
    }
