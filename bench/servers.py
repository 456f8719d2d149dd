"""The servers that are measured: ours, the real containerd, and a bare gRPC server to hold `get` against."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONTAINERD = """
version = 2
root = "{base}/root"
state = "{base}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{base}/sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{base}/opt"
"""
_START = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its name, its socket, and the process to ask for time and memory."""

    name: str
    address: str
    pid: int
    base: Path

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self) -> int:
        """The most memory it ever had, in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def database_size(self) -> int:
        """The size of the metadata database on disk, in bytes."""
        return sum(
            path.stat().st_blocks * 512
            for path in self.base.glob("root/io.containerd.metadata.v1.bolt/meta.db")
        )


def known() -> list[str]:
    """Return the names of the servers that can be started here."""
    real = ["containerd"] if shutil.which("containerd") and os.geteuid() == 0 else []
    return ["companion", *real, "bare"]


@contextmanager
def started(name: str, base: Path) -> Iterator[Server]:
    """Run a server of that name on directories of its own below `base`; it serves inside the block."""
    base.mkdir()
    address = str(base / "sock")
    began = time.monotonic()
    with subprocess.Popen(
        _command(name, base), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            while not Path(address).exists():
                if process.poll() is not None or time.monotonic() - began > _START:
                    raise RuntimeError(f"{name} does not start")
                time.sleep(0.001)
            yield Server(name, address, process.pid, base)
        finally:
            process.terminate()


def _command(name: str, base: Path) -> list[str]:
    if name == "containerd":
        config = base / "config.toml"
        config.write_text(_CONTAINERD.format(base=base))
        return ["containerd", "--config", str(config)]
    if name == "bare":
        return [sys.executable, "-m", "bench.bare", str(base / "sock")]
    directories = ["--root", str(base / "root"), "--state", str(base / "state")]
    return [sys.executable, "-m", "companion", "serve", *directories, "--address", str(base / "sock")]
