"""Packages that bring plugins, as pip would install them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

EXAMPLE = Path(__file__).with_name("example_plugin")
"""Where the package `example_plugin` is installed."""


def install(directory: Path, name: str, source: str) -> None:
    """Install a package of one module, which the daemon will import for its plugins."""
    (directory / f"{name}.py").write_text(dedent(source))
    metadata = directory / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[companion.plugins]\n{name} = {name}\n")


def seeing(directory: Path) -> Mapping[str, str]:
    """The environment of a process that has the packages installed in `directory`."""
    return {**os.environ, "PYTHONPATH": str(directory)}
