"""A place for a daemon: directories and a socket that outlive it, so that it can come back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any as Anything

from companion.client import Client
from companion.core.containers import Container, RuntimeInfo
from companion.core.typeurl import Any
from tests.daemons import PROJECT, DaemonProcess, running

GUARD = 60.0
"""Seconds until something that should end by itself counts as hung."""

NAMESPACE = "test"


@dataclass(frozen=True)
class Place:
    """Where a daemon keeps its things, and how it is started there."""

    directory: Path

    @property
    def root(self) -> Path:
        return self.directory / "root"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def address(self) -> str:
        return f"{self.directory}/companion.sock"

    @property
    def database(self) -> Path:
        return self.root / "io.containerd.metadata.v1.bolt/meta.db"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def client(self) -> Client:
        """A client of the daemon, in a namespace of its own."""
        return Client(self.address, default_namespace=NAMESPACE)

    def configured(self, text: str) -> Sequence[str]:
        """The flags by which a daemon reads `text` as its configuration."""
        file = self.directory / "config.toml"
        file.write_text(text)
        return ("--config", str(file))

    @contextmanager
    def daemon(self, *flags: str, before: Sequence[str] = (), **popen: Anything) -> Iterator[DaemonProcess]:
        """A daemon that serves here within the block; `before` starts its command line."""
        command = [*before, *self._command(), *flags]
        with running(command, self.address, self.log, **popen) as daemon:
            yield daemon

    def refusal(self, *flags: str, before: Sequence[str] = (), **run: Anything) -> str:
        """The one line that a daemon says when it does not start here."""
        result = subprocess.run(
            [*before, *self._command(), "--log-level", "error", *flags],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
            **run,
        )
        assert (result.returncode, result.stdout) == (1, ""), result.stderr
        [line] = result.stderr.splitlines()
        return line.removeprefix("companion: ")

    def _command(self) -> list[str]:
        flags = {"--root": self.root, "--state": self.state, "--address": self.address}
        words = [str(word) for flag in flags.items() for word in flag]
        return [sys.executable, "-m", "companion", "serve", *words]


def record(id: str, content: bytes = b"{}", **labels: str) -> Container:
    """A container to be created."""
    return Container(id, runtime=RuntimeInfo("runtime"), spec=Any("spec", content), labels=labels)
