"""Options for the process, its files and the spec as a whole. containerd: oci/spec_opts.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from posixpath import normpath
from typing import Any

from companion.client.oci.capabilities import with_all_current_capabilities
from companion.client.oci.edit import change, extend, put, remove
from companion.client.oci.spec import SpecOpt, compose


def with_process_args(*args: str) -> SpecOpt:
    """Set the command and its arguments. containerd: oci.WithProcessArgs."""
    return put(list(args), "process", "args")


def with_process_cwd(cwd: str) -> SpecOpt:
    """Set the directory in which the process starts. containerd: oci.WithProcessCwd."""
    return put(cwd, "process", "cwd")


def with_env(variables: Iterable[str]) -> SpecOpt:
    """Set variables, written `NAME=value`: known names keep their place, new ones follow.

    An entry without `=` removes the variable. containerd: oci.WithEnv.
    """
    changes = list(variables)
    return change(lambda env: merged_env(env, changes), "process", "env")


def with_env_file(path: str | PathLike[str]) -> SpecOpt:
    """Set the variables in a file of the client's host, one on each line, as `with_env` does.

    Raises `OSError` when it cannot be read. containerd: oci.WithEnvFile.
    """
    return with_env(Path(path).read_text().splitlines())


def with_tty() -> SpecOpt:
    """Give the process a terminal, and say which kind in `TERM`. containerd: oci.WithTTY."""
    return compose(put(True, "process", "terminal"), extend(["TERM=xterm"], "process", "env"))


def with_uid_gid(uid: int, gid: int) -> SpecOpt:
    """Run the process as this user and group. containerd: oci.WithUIDGID."""
    return compose(put(uid, "process", "user", "uid"), put(gid, "process", "user", "gid"))


def with_no_new_privileges() -> SpecOpt:
    """Let no program gain privileges by being executed: the default. containerd: oci.WithNoNewPrivileges."""
    return put(True, "process", "noNewPrivileges")


def with_new_privileges() -> SpecOpt:
    """Let programs gain privileges by being executed, as sudo does. containerd: oci.WithNewPrivileges."""
    return remove("process", "noNewPrivileges")


def with_privileged() -> SpecOpt:
    """Give the container the client's own capabilities, and lift the guards on files and system calls.

    Devices are another matter: see `with_host_devices` and `with_all_devices_allowed`.
    Raises `OSError` off Linux. containerd: oci.WithPrivileged.
    """
    return compose(
        with_all_current_capabilities(),
        remove("linux", "maskedPaths"),
        remove("linux", "readonlyPaths"),
        change(lambda mounts: [_writeable(mount) for mount in mounts], "mounts"),
        remove("process", "selinuxLabel"),
        remove("process", "apparmorProfile"),
        remove("linux", "seccomp"),
    )


def with_hostname(name: str) -> SpecOpt:
    """Set the host name that the container sees. containerd: oci.WithHostname."""
    return put(name, "hostname")


def with_annotations(annotations: Mapping[str, str]) -> SpecOpt:
    """Lay annotations over those there are. containerd: oci.WithAnnotations."""
    return compose(*(put(value, "annotations", key) for key, value in annotations.items()))


def with_root_fs_path(path: str) -> SpecOpt:
    """Use a directory of the daemon's host as root file system. containerd: oci.WithRootFSPath."""
    return put(path, "root", "path")


def with_root_fs_readonly() -> SpecOpt:
    """Mount the root file system read-only. containerd: oci.WithRootFSReadonly."""
    return put(True, "root", "readonly")


def with_mounts(mounts: Iterable[Mapping[str, Any]]) -> SpecOpt:
    """Add mounts: objects with `destination`, `type`, `source` and `options`. containerd: oci.WithMounts."""
    return extend(mounts, "mounts")


def without_mounts(*destinations: str) -> SpecOpt:
    """Leave out the mounts on these paths. containerd: oci.WithoutMounts."""
    unwanted = {normpath(destination) for destination in destinations}
    return change(
        lambda mounts: [mount for mount in mounts if normpath(mount["destination"]) not in unwanted], "mounts"
    )


def with_host_hosts_file() -> SpecOpt:
    """Show the container its host's /etc/hosts. containerd: oci.WithHostHostsFile."""
    return with_mounts([_host_file("/etc/hosts")])


def with_host_resolvconf() -> SpecOpt:
    """Show the container its host's /etc/resolv.conf. containerd: oci.WithHostResolvconf."""
    return with_mounts([_host_file("/etc/resolv.conf")])


def merged_env(base: Iterable[str], changes: Iterable[str]) -> list[str]:
    """Return variables changed as `with_env` says."""
    merged = {entry.partition("=")[0]: entry for entry in base}
    for entry in changes:
        name, equals, _ = entry.partition("=")
        if equals:
            merged[name] = entry
        else:
            merged.pop(name, None)
    return list(merged.values())


def _host_file(path: str) -> dict[str, Any]:
    return {"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]}


def _writeable(mount: dict[str, Any]) -> dict[str, Any]:
    if mount.get("type") not in ("sysfs", "cgroup"):
        return mount
    return {**mount, "options": ["rw" if option == "ro" else option for option in mount.get("options", [])]}
