"""The same script on the real containerd, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from companion.client import Client

_CONFIG = """
version = 2
root = "{base}/root"
state = "{base}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{base}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{base}/opt"
"""


def on_containerd(script: Callable[[Client], str], recorded: str) -> str:
    """Return what `script` gave on the real containerd.

    That is `recorded`. Where containerd is installed and may be started, which takes root, the script runs
    there now, and another result than the recorded one raises `AssertionError`.
    """
    if shutil.which("containerd") and os.geteuid() == 0:
        with _containerd() as address, Client(address) as client:
            found = script(client)
        assert found == recorded, f"containerd now says: {found}"
    return recorded


@contextmanager
def _containerd() -> Iterator[str]:
    """Run a containerd on directories of its own; nothing else on the machine sees it."""
    with tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True) as base:
        config = Path(base, "config.toml")
        config.write_text(_CONFIG.format(base=base))
        with subprocess.Popen(
            ["containerd", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield f"{base}/containerd.sock"
            finally:
                process.terminate()
