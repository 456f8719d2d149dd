"""Options for the capabilities of the process. containerd: oci/spec_opts.go, pkg/cap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from companion.client.oci.edit import change
from companion.client.oci.spec import CAPABILITY_SETS, SpecOpt, compose

# A capability's place in this text is its number in Linux.
_NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE
"""


def with_capabilities(names: Iterable[str]) -> SpecOpt:
    """Give the process these capabilities alone, such as `CAP_KILL`. containerd: oci.WithCapabilities."""
    wanted = list(names)
    return _with_each_set(lambda held: wanted)


def with_added_capabilities(names: Iterable[str]) -> SpecOpt:
    """Give the process these capabilities too. containerd: oci.WithAddedCapabilities."""
    added = list(names)
    return _with_each_set(lambda held: list(dict.fromkeys(held + added)))


def with_dropped_capabilities(names: Iterable[str]) -> SpecOpt:
    """Take these capabilities from the process. containerd: oci.WithDroppedCapabilities."""
    dropped = set(names)
    return _with_each_set(lambda held: [name for name in held if name not in dropped])


def with_all_current_capabilities() -> SpecOpt:
    """Give the process all capabilities that the client has now.

    Raises `OSError` off Linux. containerd: oci.WithAllCurrentCapabilities.
    """
    return with_capabilities(_current())


def _with_each_set(edit: Callable[[list[str]], list[str]]) -> SpecOpt:
    return compose(*(change(edit, "process", "capabilities", name) for name in CAPABILITY_SETS))


def _current() -> list[str]:
    [mask] = re.findall(r"^CapEff:\s*(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return [f"CAP_{name}" for number, name in enumerate(_NAMES.split()) if int(mask, 16) >> number & 1]
