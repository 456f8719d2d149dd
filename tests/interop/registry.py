"""A registry of images: Debian's `docker-registry` on a port of its own of this machine."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GUARD = 60.0
"""Seconds until a registry that does not listen counts as hung."""

CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}/data}}}}
http: {{addr: "127.0.0.1:0"}}
"""

LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")


@contextmanager
def registry() -> Iterator[str]:
    """An empty registry within the block: its host and port. What is pushed goes with it."""
    with tempfile.TemporaryDirectory(prefix="registry-") as name:
        directory = Path(name)
        (directory / "config.yml").write_text(CONFIG.format(directory=directory))
        command = ["docker-registry", "serve", str(directory / "config.yml")]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield _address(process, directory / "log")
        finally:
            process.terminate()
            process.wait(GUARD)


def push(registry: str, layout: Path, tag: str, name: str, *flags: str) -> None:
    """Copy what has a tag in an OCI layout to a name: an image, or an index with all its images."""
    source, target = f"oci:{layout}:{tag}", f"docker://{registry}/{name}"
    command = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false", *flags]
    subprocess.run([*command, source, target], check=True, timeout=GUARD)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + GUARD
    while not (said := LISTENING.search(log.read_text())):
        if process.poll() is not None:
            raise RuntimeError(f"the registry ended with {process.returncode}:\n{log.read_text()}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"the registry does not listen:\n{log.read_text()}")
        time.sleep(0.05)
    return said[1]
