"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Let the names in a directory survive a power cut: to flush a file does not flush its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str) -> None:
    """Write a small file in one step: whoever reads it finds the old text or the new one."""
    new = path.with_name(f".{path.name}")
    new.write_text(text)
    new.replace(path)
