"""A process that dies, to see what it leaves behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

_NO_CORE = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"


def killed(code: str, directory: Path) -> str:
    """Run Python `code` in a process of its own, in `directory`; return the name of the signal it dies of.

    Raises `RuntimeError`, with what it wrote to its standard error, when it ends in any other way.
    """
    command = [sys.executable, "-c", _NO_CORE + code]
    ended = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if ended.returncode >= 0:
        raise RuntimeError(f"ended with {ended.returncode}: {ended.stderr}")
    return signal.Signals(-ended.returncode).name
