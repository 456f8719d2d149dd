"""strace, attached to a daemon: sees every flush to the disk, and can make flushes slow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_strace = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("strace") is None,
    reason="only root can attach strace, where it is installed: apt-get install strace",
)


class Flushes:
    """The flushes of a process since strace is attached to it."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def count(self) -> int:
        """How many there were, including those that are under way."""
        # A call that another thread interrupts has a second line, which does not name it in this form.
        return len(re.findall(r"(?:fdatasync|fsync|msync)\(", self._log.read_text()))


@contextmanager
def flushes(pid: int, log: Path, delay: float = 0.0) -> Iterator[Flushes]:
    """Watch the process within the block; each of its flushes takes `delay` seconds longer."""
    calls = "fdatasync,fsync,msync"
    slow = [f"--inject={calls}:delay_enter={delay * 1e6:.0f}"] if delay else []
    command = ["strace", "--follow-forks", f"--trace={calls}", *slow, f"--output={log}", f"--attach={pid}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        attached = strace.stderr.readline()
        assert "attached" in attached, attached
        try:
            yield Flushes(log)
        finally:
            strace.terminate()
