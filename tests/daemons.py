"""Daemons for the tests: ours and the real containerd, each with directories and a socket of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]

START_GUARD = 60.0
"""Seconds until a daemon that does not serve counts as hung."""

STOP_GUARD = 20.0
"""Seconds until a daemon that does not obey SIGTERM is killed."""

CONTAINERD_CONFIG = """\
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{directory}/containerd.sock"
[ttrpc]
address = "{directory}/ttrpc.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{directory}/opt"
"""


@dataclass(frozen=True)
class DaemonProcess:
    """A daemon that serves, until it is stopped."""

    address: str
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self.process.pid

    def stop(self) -> int:
        """End the daemon with SIGTERM, or by force when it hangs; return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_GUARD)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def companion() -> Iterator[DaemonProcess]:
    """Our daemon, as a process of its own."""
    with short_directory() as directory:
        address = f"{directory}/companion.sock"
        directories = ("--root", f"{directory}/root", "--state", f"{directory}/state")
        command = (sys.executable, "-m", "companion", "serve", *directories, "--address", address)
        with running(command, address, directory / "log") as daemon:
            yield daemon


@contextmanager
def containerd() -> Iterator[DaemonProcess]:
    """The real containerd, without CRI; it must run as root. Nothing of an installed one is touched."""
    with short_directory() as directory:
        config = directory / "config.toml"
        config.write_text(CONTAINERD_CONFIG.format(directory=directory))
        command = ("containerd", "--config", str(config))
        try:
            with running(command, f"{directory}/containerd.sock", directory / "log") as daemon:
                yield daemon
        finally:
            unmount_below(directory)


@contextmanager
def short_directory() -> Iterator[Path]:
    """A directory for the block, whose path leaves room for that of a socket."""
    # The path of a unix socket ends at 104 bytes, and TMPDIR may be long.
    with tempfile.TemporaryDirectory(prefix="daemon-", dir="/tmp") as name:
        yield Path(name)


@contextmanager
def running(command: Sequence[str], address: str, log: Path, **popen: Any) -> Iterator[DaemonProcess]:
    """A daemon that serves within the block; `popen` are further arguments of its process."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=output, stderr=subprocess.STDOUT, **popen)
    daemon = DaemonProcess(address, process)
    try:
        _wait_until_serving(daemon, log)
        yield daemon
    finally:
        daemon.stop()


def _wait_until_serving(daemon: DaemonProcess, log: Path) -> None:
    deadline = time.monotonic() + START_GUARD
    while not _connects(daemon.address):
        if daemon.process.poll() is not None:
            raise RuntimeError(f"the daemon ended with {daemon.process.returncode}:\n{log.read_text()}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"the daemon does not serve after {START_GUARD:.0f} s:\n{log.read_text()}")
        time.sleep(0.05)


def _connects(address: str) -> bool:
    with socket(AF_UNIX) as probe, suppress(FileNotFoundError, ConnectionRefusedError):
        probe.connect(address)
        return True
    return False


def unmount_below(directory: Path) -> None:
    """Undo every mount in a directory."""
    mounts = [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if directory in m.parents), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=True)
