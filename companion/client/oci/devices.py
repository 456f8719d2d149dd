"""Options for devices: nodes in the container's /dev, and rules that let it use them.

containerd: oci/spec_opts.go, oci/utils_unix.go.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

from companion.client.oci.edit import extend, put
from companion.client.oci.spec import SpecOpt, compose
from companion.core.errors import InvalidArgument

# null, random, full, tty, zero, urandom, console, all of pts, ptmx
_DEFAULT_DEVICES = ((1, 3), (1, 8), (1, 7), (5, 0), (1, 5), (1, 9), (5, 1), (136, None), (5, 2))

_KINDS = {stat.S_IFBLK: "b", stat.S_IFCHR: "c"}

# A container has its own of the first five; the others are the bookkeeping of lxc and udev.
_NOT_PASSED_ON = {"pts", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"}


def with_default_unix_devices() -> SpecOpt:
    """Let the container use the devices that programs expect, such as /dev/null.

    containerd: oci.WithDefaultUnixDevices.
    """
    return _with_rules(*(_allowed("c", major, minor) for major, minor in _DEFAULT_DEVICES))


def with_all_devices_allowed() -> SpecOpt:
    """Let the container use every device there is. containerd: oci.WithAllDevicesAllowed."""
    return put([{"allow": True, "access": "rwm"}], "linux", "resources", "devices")


def with_linux_device(path: str, permissions: str = "rwm") -> SpecOpt:
    """Give the container a device of the client's host; `permissions` are letters of read, write, mknod.

    Raises `InvalidArgument` when it is not a device, `OSError` when it cannot be looked at.
    containerd: oci.WithLinuxDevice.
    """
    device = _device(path)
    if device is None:
        raise InvalidArgument(f"{path}: not a device node")
    return compose(
        extend([device], "linux", "devices"),
        _with_rules(_allowed(device["type"], device["major"], device["minor"], permissions)),
    )


def with_host_devices() -> SpecOpt:
    """Give the container the nodes of all devices of the client's host. containerd: oci.WithHostDevices."""
    return extend(_host_devices(), "linux", "devices")


def _with_rules(*rules: dict[str, Any]) -> SpecOpt:
    return extend(rules, "linux", "resources", "devices")


def _allowed(kind: str, major: int, minor: int | None, access: str = "rwm") -> dict[str, Any]:
    rule = {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}
    return {key: value for key, value in rule.items() if value is not None}


def _device(path: str) -> dict[str, Any] | None:
    found = os.lstat(path)
    kind = _KINDS.get(stat.S_IFMT(found.st_mode))
    if kind is None:
        return None
    return {
        "path": path,
        "type": kind,
        "major": os.major(found.st_rdev),
        "minor": os.minor(found.st_rdev),
        "fileMode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
    }


def _host_devices() -> Iterator[dict[str, Any]]:
    for directory, subdirectories, names in os.walk("/dev"):
        subdirectories[:] = sorted(set(subdirectories) - _NOT_PASSED_ON)
        for name in sorted(set(names) - _NOT_PASSED_ON):
            if device := _device(os.path.join(directory, name)):
                yield device
