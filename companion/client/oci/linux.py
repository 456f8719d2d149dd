"""Options for namespaces and resources. containerd: oci/spec_opts.go, oci/spec_opts_linux.go."""

from __future__ import annotations

from companion.client.oci.edit import change, put
from companion.client.oci.spec import SpecOpt, compose


def with_host_namespace(kind: str) -> SpecOpt:
    """Let the container share a namespace of its host, such as `network`.

    containerd: oci.WithHostNamespace.
    """
    return change(lambda held: [each for each in held if each["type"] != kind], "linux", "namespaces")


def with_linux_namespace(kind: str, path: str = "") -> SpecOpt:
    """Let the container join the namespace at `path`, such as `/proc/1/ns/net`; without one, have its own.

    containerd: oci.WithLinuxNamespace.
    """
    wanted = {"type": kind, "path": path} if path else {"type": kind}
    return change(
        lambda held: list({**{each["type"]: each for each in held}, kind: wanted}.values()),
        "linux",
        "namespaces",
    )


def with_cgroup(path: str) -> SpecOpt:
    """Set the path of the cgroup, in place of `/<namespace>/<id>`. containerd: oci.WithCgroup."""
    return put(path, "linux", "cgroupsPath")


def with_memory_limit(limit: int) -> SpecOpt:
    """Limit the memory, in bytes. containerd: oci.WithMemoryLimit."""
    return put(limit, "linux", "resources", "memory", "limit")


def with_pids_limit(limit: int) -> SpecOpt:
    """Limit how many processes and threads there are at one time. containerd: oci.WithPidsLimit."""
    return put(limit, "linux", "resources", "pids", "limit")


def with_cpus(cpus: str) -> SpecOpt:
    """Name the processors that may be used, such as `0-2,5`. containerd: oci.WithCPUs."""
    return put(cpus, "linux", "resources", "cpu", "cpus")


def with_cpu_shares(shares: int) -> SpecOpt:
    """Weigh the container against others that want a processor; 1024 is the usual weight.

    containerd: oci.WithCPUShares.
    """
    return put(shares, "linux", "resources", "cpu", "shares")


def with_cpu_cfs(quota: int, period: int) -> SpecOpt:
    """Limit the time on processors to `quota` in every `period`, both in microseconds.

    A quota of twice the period is two processors' worth. containerd: oci.WithCPUCFS.
    """
    return compose(
        put(quota, "linux", "resources", "cpu", "quota"),
        put(period, "linux", "resources", "cpu", "period"),
    )
