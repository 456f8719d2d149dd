"""Mounts: what a snapshotter answers in place of mounting anything itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mount:
    """What one call of mount(2) needs. containerd: mount.Mount.

    `target` is relative to the root file system (empty: its root); `options` are those of fstab.
    """

    type: str
    source: str
    options: tuple[str, ...] = ()
    target: str = ""
